"""What somebody in a test has received, and the assertion about it."""

from xmppd.stanza.stanza import Stanza
from xmppd.testing.texts import normal


class Mailbox:
    """Stanzas that have come for somebody, in order, until the test looks at them."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self.stanzas: list[Stanza] = []

    def take(self) -> list[str]:
        """Return what has come since the last time, as text of the form `normal` makes."""
        texts = [normal(stanza) for stanza in self.stanzas]
        self.stanzas.clear()
        return texts

    def check(self, expected: tuple[str, ...]) -> None:
        """Raise `AssertionError` unless exactly this has come since the last time."""
        wanted = [normal(text) for text in expected]
        got = self.take()
        if got != wanted:
            raise AssertionError(
                f"{self._owner} should have received{_listed(wanted)}\nbut received{_listed(got)}"
            )


def _listed(texts: list[str]) -> str:
    return ":" + "".join(f"\n    {text}" for text in texts) if texts else " nothing"
