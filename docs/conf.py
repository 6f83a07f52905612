"""The settings of the site; `make site` builds it with Sphinx from these pages and the docstrings, and a warning is an error."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from greenroom import __version__

project = "greenroom"
author = "the greenroom developers"
copyright = f"{author}, MIT licensed"  # noqa: A001 -- Sphinx's name for it
version = release = __version__

extensions = [
    "myst_parser",  # the pages are Markdown, to be read in the repository as well
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "site_text",
]
nitpicky = True  # a reference to what is not there is a warning
show_warning_types = True

myst_heading_anchors = 3

autodoc_default_options = {"members": True, "inherited-members": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
maximum_signature_line_length = 100
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # attributes are a list in their class, and no entries of their own

html_theme = "furo"
html_title = f"greenroom {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["greenroom.css"]
pygments_style = "friendly"
pygments_dark_style = "github-dark"
copybutton_exclude = ".linenos, .gp, .go"
