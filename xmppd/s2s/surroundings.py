"""What all streams between servers share: settings, our domains, proofs, clocks and connections."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from twisted.internet.interfaces import IReactorTime

from xmppd.api.gate import Gate
from xmppd.api.host import IEntropy, IWallClock
from xmppd.api.moments import Reached
from xmppd.api.network import IConnector, IResolver
from xmppd.api.pace import Pace
from xmppd.api.router import IRouter
from xmppd.api.storage import Tickets
from xmppd.connection.connections import Connections, Watched
from xmppd.net.roots import Roots
from xmppd.net.tls import ServerContexts
from xmppd.net.tls_client import ClientContexts
from xmppd.net.transport import Flusher
from xmppd.s2s.losses import Losses
from xmppd.s2s.missed import Missed
from xmppd.s2s.senders import Senders
from xmppd.s2s.settings import ServerSettings
from xmppd.s2s.telling import Telling
from xmppd.s2s.trust import Judgement, judge
from xmppd.stanza.stanza import Stanza


@dataclass(slots=True)
class Surroundings:
    """What a stream between servers needs of the server it is in.

    - `is_ours(domain)`: whether we serve a domain; `urgent(stanza)`: whether it answers a request
      of ours. `default`: a domain of ours, to call ourselves to those who name none.
    - `accepting`, `dialling`: certificates for connections that others and we make; None without.
    - `roots`: the authorities that are believed; `roots_of`: others, for some domains of others.
    - `senders`: the accounts that write to others.
    - `secret`: what our dialback keys are made of; it does not show in a repr.
    - `incoming`: how many streams of each domain of others there are that it has made;
      `incoming_networks`: how many of each network are proven.
    - `reached(domain, reached)`: lets a domain of ours know of a server that can be reached again.
    - `missed`: of which servers presence may have been missed.
    - `telling`: has the log told of what others bring about; `losses`: has done again what storage
      has lost.
    """

    settings: ServerSettings
    default: str
    is_ours: Callable[[str], bool]
    urgent: Callable[[Stanza], bool]
    senders: Senders
    reached: Callable[[str, Reached], None]
    router: IRouter
    pace: Pace
    resolver: IResolver
    connector: IConnector
    flusher: Flusher
    gate: Gate
    tickets: Tickets
    clock: IReactorTime
    wall: IWallClock
    entropy: IEntropy
    roots: Roots
    roots_of: Mapping[str, Roots]
    secret: bytes = field(repr=False)
    accepting: ServerContexts | None = None
    dialling: ClientContexts | None = None
    connections: Connections[Watched] = field(default_factory=Connections)
    incoming: Counter[str] = field(default_factory=Counter)
    incoming_networks: Counter[str] = field(default_factory=Counter)
    missed: Missed = field(init=False)
    telling: Telling = field(init=False)
    losses: Losses = field(init=False)

    def __post_init__(self) -> None:
        self.telling = Telling(self.clock)
        settings = self.settings
        self.missed = Missed(
            self.clock,
            self.reached,
            servers=settings.routes,
            departures=settings.queue_stanzas,
            size=settings.queue_bytes,
        )
        self.losses = Losses(self.gate, self.clock)

    def judge(self, chain: Iterable[bytes], domain: str) -> Judgement:
        """Return what a certificate chain (DER, leaf first) is worth for a domain of others."""
        now = datetime.fromtimestamp(self.wall.now(), UTC)
        return judge(tuple(chain), domain, self.roots_of.get(domain, self.roots), now)

    def draw(self, most: int) -> int:
        """Return a number from 0 to `most`, each as likely as the others."""
        return int.from_bytes(self.entropy.token_bytes(8), "big") % (most + 1)
