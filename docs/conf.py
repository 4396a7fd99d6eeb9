"""Sphinx settings of monolith's documentation."""

import sys
from pathlib import Path

import monolith_core

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "monolith"
author = "the monolith authors"
copyright = f"{author}, MPL 2.0"
version = release = monolith_core.__version__

extensions = ["monolith_reference"]
exclude_patterns = ["_build"]
highlight_language = "none"
nitpicky = True
smartquotes = False  # they would turn the dashes of --options into others

html_theme = "furo"
html_title = f"monolith {release}"
html_copy_source = False
