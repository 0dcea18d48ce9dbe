"""A toy suite: a problem with a known answer, one without an ODE, and one whose training diverges."""

from __future__ import annotations

import odebench


@odebench.hookimpl
def odebench_register_tasks(register):
    register(odebench.Task(name="toy/line", code=".task:Line", frameworks=("toy",), ode=False, title="a line"))
    register(odebench.Task(name="toy/decay", code=".task:Decay", frameworks=("toy",), title="exponential decay"))
    register(odebench.Task(name="toy/diverging", code=".task:Diverging", frameworks=("toy",), ode=False))
