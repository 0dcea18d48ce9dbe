"""Implicit Runge–Kutta methods in JAX, and the engine for methods that remember something from step to step.

The framework ``jax`` names :class:`.engine.ImplicitRungeKutta`, so there is nothing to register here.
"""
