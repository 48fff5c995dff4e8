"""How pydoctor takes our docstrings: a name of ours that leads nowhere is an error.

In them single backquotes hold names and code alike. What is not spelled out from `xmppd.` on (an
argument, an exception of Python's, an expression) becomes a link where it is one thing only.
"""

import re

from pydoctor.model import System  # type: ignore[import-untyped]  # it comes without types

_OURS = re.compile(r'"xmppd\.(?!sqlite\b|toml\b)[\w.]+"')
_TOLERATED = (
    "colorize constant",  # regular expressions with possessive quantifiers
    "rendering of constant",  # those with characters that XML has not
    "zopeinterface",  # interfaces that extend one of Twisted's, which pydoctor does not read
)


class ApiSystem(System):  # type: ignore[misc]  # untyped, as said
    """A system that counts as warnings what somebody can put right in a docstring."""

    def msg(
        self,
        section: str,
        msg: str,
        thresh: int = 0,
        topthresh: int = 100,
        nonl: bool = False,
        wantsnl: bool = True,
        once: bool = False,
    ) -> None:
        """Pass a message on; what is no fault shows up only with --verbose."""
        unresolved = section == "resolve_identifier_xref" and not _OURS.search(msg)
        if unresolved or section in _TOLERATED:
            thresh = 1
        super().msg(section, msg, thresh, topthresh, nonl, wantsnl, once)
