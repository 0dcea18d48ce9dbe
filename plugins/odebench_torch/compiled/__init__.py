"""``compile=True``: a step and its reverse as pure functions, each made one compiled function by ``torch.compile``."""
