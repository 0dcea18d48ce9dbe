"""What suites write their tasks with: one definition that serves every framework."""

from odebench.tasks.namespaces import namespace as namespace
from odebench.tasks.options import one_of as one_of
from odebench.tasks.options import positive as positive
from odebench.tasks.options import whole as whole
