"""Solvers whose accepted step is a function ``(memory, knots) -> memory`` in plain torch operations.

Autograd records the accepted steps, or they are taken again from kept states: families of methods other than the
explicit Runge–Kutta ones, whose engine has a derivative of its own, have both from here.
"""
