"""Resource binding (RFC 6120 section 7)."""

from collections.abc import Callable
from dataclasses import dataclass, field

from xmppd.api.router import ISessionHost
from xmppd.api.sessions import ISession
from xmppd.c2s.settings import ConflictPolicy
from xmppd.stanza import prep
from xmppd.stanza.errors import ErrorType, StanzaError
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BIND


@dataclass(slots=True)
class Conflicts:
    """When a session was last replaced, by full JID: within `seconds` it is not done again.

    Two clients that both insist on a resource would throw each other out for ever.
    """

    seconds: float = 60.0
    _last: dict[str, float] = field(default_factory=dict)

    def replace(self, jid: str, now: float) -> bool:
        """Tell whether the session bound to `jid` may be replaced, and take it that it is."""
        recent = self._last.get(jid)
        if recent is not None and now - recent < self.seconds:
            return False
        self._last[jid] = now
        return True

    def sweep(self, now: float) -> None:
        """Forget what is long ago."""
        self._last = {jid: at for jid, at in self._last.items() if now - at < self.seconds}


class Binder:
    """Chooses full JIDs for the clients of all hosts.

    - `limit`: how many sessions an account may have.
    - `token`: makes unpredictable resources; `now`: seconds on any steady clock.
    """

    def __init__(
        self,
        policy: ConflictPolicy,
        limit: int,
        token: Callable[[], str],
        now: Callable[[], float],
    ) -> None:
        self._policy = policy
        self._limit = limit
        self._token = token
        self._now = now
        self._conflicts = Conflicts()
        self._reserved: set[JID] = set()

    def choose(self, iq: Iq, own: JID, host: ISessionHost) -> JID:
        """Return the full JID for a bind request, reserved until `done` is called with it.

        `own` is the account's bare JID. A session that has to give way is closed with `conflict`.
        Raises `StanzaError` as RFC 6120 7.6.2 and 7.7.2 have it.
        """
        wanted = requested_resource(iq)
        jid = JID.make(own.localpart, own.domainpart, wanted or self._token())
        self._make_way(jid, host.bound(jid))
        if host.count(own.localpart) + self._coming(own) >= self._limit:
            raise StanzaError("resource-constraint", "too many sessions of this account")
        if host.bound(jid) is not None or jid in self._reserved:
            jid = self._renamed(jid)
        self._reserved.add(jid)
        return jid

    def _make_way(self, jid: JID, holder: ISession | None) -> None:
        """Close the session that has to give way to a new one, if there is one that should.

        Raises `StanzaError` if the new one must not be.
        """
        if holder is None and jid not in self._reserved:
            return
        if self._policy is ConflictPolicy.REFUSE:
            raise StanzaError("conflict", type=ErrorType.MODIFY)
        if self._policy is ConflictPolicy.RENAME or holder is None:
            return
        if self._conflicts.replace(str(jid), self._now()):
            holder.close("conflict", "another client has taken this resource")

    def _coming(self, own: JID) -> int:
        """Count the sessions of an account that are being opened."""
        return sum(1 for jid in self._reserved if jid.bare == own)

    def done(self, jid: JID) -> None:
        """The session of `jid` is open, or will not be."""
        self._reserved.discard(jid)

    def sweep(self) -> None:
        """Forget conflicts of long ago."""
        self._conflicts.sweep(self._now())

    def _renamed(self, jid: JID) -> JID:
        suffix = f".{self._token()}"
        room = prep.MAX_BYTES - len(suffix)
        kept = jid.resourcepart.encode()[:room].decode(errors="ignore")
        return JID.make(jid.localpart, jid.domainpart, kept + suffix)


def requested_resource(iq: Iq) -> str:
    """Return the resource a bind request asks for, prepared; "" if it leaves that to us.

    Raises `StanzaError` (bad-request) for one that cannot be, and for what is no bind request.
    """
    bind = iq.child("bind", BIND)
    if bind is None or len(iq.children) != 1 or not iq.id:
        raise StanzaError("bad-request", "a request has an id and one payload")
    resource = bind.child("resource", BIND)
    if resource is None or not resource.text:
        return ""
    try:
        return prep.resourcepart(resource.text)
    except prep.PrepError as error:
        raise StanzaError("bad-request", str(error)) from None


def bound(jid: JID) -> Element:
    """Return the `<bind/>` that tells a client its full JID (RFC 6120 7.6.1)."""
    bind = Element("bind", BIND)
    bind.add("jid", BIND, str(jid))
    return bind
