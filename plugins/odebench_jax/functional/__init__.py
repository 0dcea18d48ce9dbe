"""An engine for methods that are pure functions of a step: recorded or replayed, on vectors, under jit."""
