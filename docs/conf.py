"""How Sphinx builds the documentation; the reference of the API is made by pydoctor."""

import sys
from pathlib import Path

# The extensions import what they describe.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from xmppd import __version__ as release

project = "xmppd"
author = "The xmppd developers"
version = release
extensions = ["sphinx.ext.extlinks", "docs._ext.lists", "docs._ext.doap"]
exclude_patterns = ["_build", "examples"]
default_role = "code"  # as single backquotes are meant in our docstrings
extlinks = {
    "api": ("api/%s.html", "%s"),
}
html_theme = "alabaster"
html_theme_options = {
    "description": "An XMPP server on Twisted",
    "fixed_sidebar": True,
    "page_width": "1100px",
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_copy_source = False
