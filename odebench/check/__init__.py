"""``odebench check``: what a plugin's solvers and gradient methods must do before anyone times them."""
