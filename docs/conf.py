"""How the site is built: ``make docs``. Neither the build nor a reader needs the network."""

import sys
from pathlib import Path

import odebench

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "odebench"
author = "the odebench contributors"
version = release = odebench.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode", "sphinx_click", "odebench_docs"]
exclude_patterns = ["_extensions"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
default_role = "literal"
smartquotes = False  # a command is typed as it stands

html_theme = "furo"
html_title = "odebench"
html_theme_options = {
    "source_repository": "https://github.com/odebench/odebench/",
    "source_branch": "main",
    "source_directory": "docs/",
}
