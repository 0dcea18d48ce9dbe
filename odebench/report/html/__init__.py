"""The report as one page that needs nothing beside itself: no network, no other file."""

from odebench.report.html.page import html as html

__all__ = ["html"]
