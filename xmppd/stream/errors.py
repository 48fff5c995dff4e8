"""Stream errors (RFC 6120 4.9): what ends a stream, and for what reason."""

from xmppd.wire.element import Element
from xmppd.wire.namespaces import STREAM_ERRORS, STREAMS, XML_LANG

CONDITIONS = frozenset(
    (
        "bad-format",
        "bad-namespace-prefix",
        "conflict",
        "connection-timeout",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "invalid-from",
        "invalid-namespace",
        "invalid-xml",
        "not-authorized",
        "not-well-formed",
        "policy-violation",
        "remote-connection-failed",
        "reset",
        "resource-constraint",
        "restricted-xml",
        "see-other-host",
        "system-shutdown",
        "undefined-condition",
        "unsupported-encoding",
        "unsupported-feature",
        "unsupported-stanza-type",
        "unsupported-version",
    )
)
"""The defined conditions (RFC 6120 4.9.3)."""


class StreamError(Exception):
    """The stream cannot go on.

    - `condition`: one of `CONDITIONS`; anything else raises `ValueError`.
    - `text`: for a person, in English; "" for none.
    - `detail`: an application-specific condition element, or None (4.9.4).
    """

    def __init__(self, condition: str, text: str = "", *, detail: Element | None = None) -> None:
        if condition not in CONDITIONS:
            raise ValueError(f"{condition!r} is not a stream error condition of RFC 6120 4.9.3")
        super().__init__(condition, text)
        self.condition = condition
        # It must be possible to say it, whoever has written the text.
        self.text = "".join(each if each.isprintable() else "\ufffd" for each in text)
        self.detail = detail

    def to_element(self) -> Element:
        """Return the `<stream:error/>` element."""
        error = Element("error", STREAMS)
        error.add(self.condition, STREAM_ERRORS)
        if self.text:
            error.add("text", STREAM_ERRORS, self.text).attrs[XML_LANG] = "en"
        if self.detail is not None:
            error.children.append(self.detail)
        return error
