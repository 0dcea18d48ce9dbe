"""PyTorch: the engine of diagonally implicit Runge–Kutta tableaus, which ``odebench_torch`` registers.

Nothing is registered here: every :class:`odebench.DiagonallyImplicitRungeKutta` is a solver of torch through it.
"""
