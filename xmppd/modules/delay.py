"""Delayed delivery (XEP-0203 section 5): nobody else says that this server has delayed a stanza."""

from collections.abc import Iterator

from xmppd.api.host import IHost
from xmppd.api.moments import PASS, Stage, ToAccount, Verdict
from xmppd.api.registrations import Registration, Watch
from xmppd.stanza.delay import delays_by
from xmppd.stanza.stanza import Stanza
from xmppd.wire.namespaces import DELAY


class Delays:
    """Takes away what is forged of that; what others say of themselves stays."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        kinds, payload = ("message", "presence"), ((DELAY, "delay"),)
        yield Watch(ToAccount, self.clean, Stage.BEFORE, kinds, payload)

    def clean(self, stanza: Stanza, _owner: str) -> Verdict:
        """Remove delays in the name of the host from a stanza that is not from it."""
        if stanza.from_ != self._host.jid:
            forged = delays_by(stanza, self._host.jid)
            if forged:
                stanza.remove(forged)
        return PASS
