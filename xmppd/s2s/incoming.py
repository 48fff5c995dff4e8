"""What an accepted stream from another server means (RFC 6120 4 to 6, XEP-0178, 0288, 0198).

The other side says who it is by SASL EXTERNAL or by dialback, and may ask about keys of ours before
it has proven anything. Nothing else counts until a pair of domains is proven.
"""

from collections import Counter
from collections.abc import Callable

from typing_extensions import override

from xmppd.net.networks import network_of
from xmppd.net.tls import tls_facts
from xmppd.s2s import dialback
from xmppd.s2s.dialback import Answer, read_dialback
from xmppd.s2s.external import EXTERNAL, External
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.protocol import Phase, ServerProtocol
from xmppd.s2s.receiving import Receiving
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.traffic import Traffic
from xmppd.s2s.verifying import Verifier
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.stream import management
from xmppd.stream.errors import StreamError
from xmppd.stream.events import Broken, Opened, Received
from xmppd.stream.inbound import InboundStream
from xmppd.stream.management import Enabled, Failed, ManagementError, Resume
from xmppd.wire.element import Element
from xmppd.wire.namespaces import BIDI, BIDI_FEATURE, DIALBACK, SASL, SERVER, STREAM_MANAGEMENT, TLS


class IncomingStream(ServerProtocol):
    """A connection another server has made to us.

    - `local`, `remote`: the domains that the stream's header names, "" where it names none.
    - `bidi`: whether the other side takes stanzas of ours over it (XEP-0288).
    - `id`: the stream's id.

    `proven(pair, traffic)` is told of each pair whose stanzas are taken from now on; `traffic` is
    None unless the other side takes stanzas of ours, too.
    """

    __slots__ = (
        "_certified",
        "_counted",
        "_external",
        "_named",
        "_proven",
        "_receiving",
        "_unheard",
        "bidi",
        "id",
        "local",
        "remote",
    )

    _stream: InboundStream

    def __init__(
        self,
        around: Surroundings,
        address: str,
        verifier: Verifier,
        proven: Callable[[Pair, Traffic | None], None],
        *,
        secure: bool = False,
    ) -> None:
        stream = InboundStream(SERVER, around.default, around.settings.limits)
        super().__init__(around, stream, address, secure=secure)
        self.id = ""
        self.local = self.remote = ""
        self.bidi = False
        self._unheard = False
        self._receiving = Receiving(around, self, verifier)
        self._certified: dict[str, bool] = {}
        self._counted = ""
        self._named = ""
        self._external = External()
        self._proven = proven

    @override
    def _begin(self) -> None:
        self._around.connections.add(self, stranger=True)

    @override
    def _read(self, data: bytes) -> None:
        events = self._stream.receive(data)
        while events:
            for event in events:
                if self.phase is Phase.ENDED:
                    return
                self._take(event)
            events = self._stream.receive(b"") if self._stream.unread else []

    def _take(self, event: object) -> None:
        """Act on one event. Raises `StreamError`."""
        if isinstance(event, Stanza):
            if self.phase is not Phase.READY:
                raise StreamError("not-authorized", "prove who you are first")
            self._hear()
            self.traffic.take(event)
        elif isinstance(event, Received):
            ready = self.phase is Phase.READY
            self._take_element(event.element)
            if ready:
                self._hear()
        elif isinstance(event, Opened):
            self._open(event)
        elif isinstance(event, Broken):
            self.fail(event.error)
        else:
            self.close("the other server closed the stream")

    # The header and what is on offer.

    def _open(self, header: Opened) -> None:
        """Answer a header (RFC 6120 4.7); behind SASL it may not name anybody else (6.4.6).

        Who speaks what was before version 1.0 is sent no features (4.3.2): it has dialback alone.
        """
        self._named = "" if header.from_ is None else header.from_.domainpart
        local, remote = self._local(header.to), self._remote(header.from_)
        if self._is_authenticated:
            # Who names nobody now means who has been named before (4.7.1, 4.7.2).
            local, remote = self.local if header.to is None else local, remote or self.remote
            if (local, remote) != (self.local, self.remote):
                raise StreamError("invalid-from", "that is not who you have proven to be")
        self.local, self.remote = local, remote
        self._check_means(header.version)
        self.id = self._around.entropy.token()
        self.write(self._stream.open(local, self.id, dialback=True))
        if header.version:
            self.write(self._stream.features(self._offer()))
        if self._is_authenticated:
            self._ready()

    def _local(self, to: JID | None) -> str:
        if to is None:  # of a time when it was optional (4.7.2)
            return self._around.default
        if to.localpart or to.resourcepart or not self._around.is_ours(to.domainpart):
            raise StreamError("host-unknown", "that domain is not served here")
        return to.domainpart

    def _remote(self, from_: JID | None) -> str:
        """Return who the other side says it is; it may keep silent (RFC 6120 4.7.1)."""
        if from_ is None:
            return ""
        domain = from_.domainpart
        if from_.localpart or from_.resourcepart or self._around.is_ours(domain):
            raise StreamError("invalid-from", "'from' must be a domain of yours")
        if not self._around.settings.permits(domain):
            raise StreamError("policy-violation", f"{domain} is not admitted here")
        return domain

    def _check_means(self, version: str) -> None:
        """Refuse who has no means here to prove to be the domain it names (RFC 6120 6.4.5)."""
        policy = self._around.settings.policy(self.remote)
        if self._is_authenticated or not self.remote:
            return
        if policy.require_tls and not self.secure:
            if not version:
                raise StreamError("unsupported-version", "TLS is required, and XMPP 1.0 for it")
            return
        starts = not self.secure and self._around.accepting is not None
        if not (policy.dialback or (version and (starts or self.certified(self.remote)))):
            raise StreamError("policy-violation", "a valid certificate is required")

    def _offer(self) -> list[Element]:
        """Return the stream features: TLS, then ways to prove a domain, then what is optional."""
        policy = self._around.settings.policy(self.remote)
        offered: list[Element] = []
        if not self.secure and self._around.accepting is not None:
            starttls = Element("starttls", TLS)
            if policy.require_tls:
                starttls.add("required")
            offered.append(starttls)
        if policy.require_tls and not self.secure:
            return offered
        if self._is_authenticated:
            if self._around.settings.stream_management:
                offered.append(management.feature())
        elif self.secure and self.remote and self.certified(self.remote):
            mechanisms = Element("mechanisms", SASL)
            mechanisms.add("mechanism", SASL, EXTERNAL)
            offered.append(mechanisms)
        if policy.dialback:
            offered.append(dialback.feature())
        if not self._is_authenticated and self.secure and self._around.settings.bidi:
            offered.append(Element("bidi", BIDI_FEATURE))
        return offered

    @property
    def _is_authenticated(self) -> bool:
        """Whether SASL has succeeded."""
        return self.pairs.incoming(Pair(self.local, self.remote)) is Proof.EXTERNAL

    def certified(self, domain: str) -> bool:
        """Tell whether the certificate shown on the stream is valid for a domain."""
        if not self.secure:
            return False
        if domain not in self._certified:
            facts = tls_facts(self.transport)
            chain = facts.peer_chain if facts is not None else ()
            valid = bool(chain) and self.believe(self._around.judge(chain, domain))
            if len(self._certified) >= self._around.settings.pairs:
                return valid
            self._certified[domain] = valid
        return self._certified[domain]

    # Elements.

    def _take_element(self, element: Element) -> None:
        if element.ns == DIALBACK:
            self._dialback(element)
        elif element.ns == STREAM_MANAGEMENT and self.phase is Phase.READY:
            self._manage(element)
        elif self.phase is Phase.READY:
            raise StreamError("unsupported-stanza-type")
        elif (element.ns, element.name) == (TLS, "starttls"):
            self._start_tls()
        elif element.ns == SASL:
            self._sasl(element)
        elif (element.ns, element.name) == (BIDI, "bidi") and self.secure:
            self.bidi = True
        else:
            raise StreamError("not-authorized", "prove who you are first")

    def _dialback(self, element: Element) -> None:
        message = read_dialback(element)
        if isinstance(message, Answer):  # XEP-0220 3.1: nobody has asked here
            raise StreamError("policy-violation", "an answer that nobody has asked for")
        self._receiving.take(message)

    def _start_tls(self) -> None:
        """RFC 6120 5.4.2, 5.4.3."""
        contexts = self._around.accepting
        if self.secure or contexts is None:
            self.element(Element("failure", TLS))
            self.close("TLS could not be begun")
            return
        self.element(Element("proceed", TLS))
        self._receiving.end()
        self.start_tls(contexts.creator(self.local))

    def _sasl(self, element: Element) -> None:
        proven = self.remote if self.remote and self.certified(self.remote) else ""
        answer = self._external.take(element, proven, secure=self.secure)
        if answer.name == "success":
            self._accept(answer)
            return
        self.element(answer)
        if self._external.exhausted:
            raise StreamError("policy-violation", "too many failed attempts")

    def _accept(self, success: Element) -> None:
        """The stream's pair is proven; it begins anew (RFC 6120 6.4.6)."""
        self.admit(Pair(self.local, self.remote), Proof.EXTERNAL)
        self._receiving.end()
        self.element(success)
        self._stream.restart()
        self._stream.trust()

    def take_up(self, pair: Pair) -> None:
        """Take stanzas of a pair from now on: the other side knows that it may send them."""
        if self.phase is Phase.NEGOTIATING:
            self._stream.trust()
            self._ready()
        else:
            self._tell(pair)

    def admit(self, pair: Pair, proof: Proof) -> None:
        """Count a pair as proven. Raises `TooManyPairs`, and `StreamError` for too many streams."""
        self.pairs.admit(pair, proof)
        if not self._counted:
            self._count(pair.remote)
        if self.bidi and self._may_be_sent_to(pair.remote):
            self.pairs.permit(pair, proof)

    def _may_be_sent_to(self, domain: str) -> bool:
        """Tell whether it has proven itself as a server that we call must, whatever dialback says.

        Who relays another server's key between two streams could pass dialback.
        """
        policy = self._around.settings.policy(domain)
        return not policy.require_valid_certificate or self.certified(domain)

    def _count(self, domain: str) -> None:
        incoming, settings = self._around.incoming, self._around.settings
        if incoming[domain] >= settings.streams:
            raise StreamError("resource-constraint", f"{domain} has too many streams")
        networks, network = self._around.incoming_networks, network_of(self.address)
        if networks[network] >= settings.streams_per_address:
            raise StreamError("resource-constraint", "too many streams from your network")
        self._counted = domain
        incoming[domain] += 1
        networks[network] += 1
        self._around.connections.proven(self)

    def _ready(self) -> None:
        """Stanzas may come from now on."""
        self.phase = Phase.READY
        self.deadline = 0.0
        self._stream.establish()
        # What we send before the other side asks for stream management is not counted: if it were
        # gone by now, that would be lost.
        counts = self._is_authenticated and self._around.settings.stream_management
        self._unheard = self.bidi and counts
        if not self._unheard:
            self._tell_all()

    def _hear(self) -> None:
        """The other side has gone on behind the negotiation."""
        if self._unheard and self.phase is Phase.READY:
            self._unheard = False
            self._tell_all()

    def _tell_all(self) -> None:
        for proven in self.pairs.all():
            self._tell(proven.pair)

    def _tell(self, pair: Pair) -> None:
        self._proven(pair, self.traffic if self.pairs.outgoing(pair) is not None else None)

    def _manage(self, element: Element) -> None:
        """Stream management without resumption: what is lost is known (XEP-0198 3, 4)."""
        if element.name not in ("enable", "resume"):
            self.traffic.manage(element)
            return
        try:
            wish = management.read_management(element)
        except ManagementError as error:
            raise StreamError("bad-format", str(error)) from None
        if isinstance(wish, Resume):
            self.element(Failed("feature-not-implemented").to_element())
        elif self.traffic.acks is None:
            self.element(Enabled().to_element())
            self.traffic.count()
        else:
            raise StreamError("policy-violation", "stream management is enabled already")

    # The end.

    @override
    def fail(self, error: StreamError) -> None:
        """End the stream; where its server has not got in, the log says why not."""
        stopping = error.condition == "system-shutdown"
        if self._named and not (self.pairs or self.is_over or stopping):
            why = f"{error.condition}: {error.text}" if error.text else error.condition
            network = network_of(self.address)
            self._around.telling.tell(network, lambda: self._tell_refused(why))
        super().fail(error)

    def _tell_refused(self, why: str) -> None:
        self._log.info(
            "{domain} was refused from {address}: {why}",
            domain=self._named,
            address=self.address,
            why=why,
        )

    @override
    def _failure(self, error: StreamError) -> bytes:
        return self._stream.fail(error, self._around.entropy.token())

    @override
    def _ended(self, reason: str) -> None:
        self._receiving.end()
        del self._receiving  # it refers to us
        if self._counted:
            _less(self._around.incoming, self._counted)
            _less(self._around.incoming_networks, network_of(self.address))

    @override
    def _overdue(self) -> None:
        if self.phase is Phase.NEGOTIATING and self._receiving.pending:
            # Our own asking has a limit, and theirs begins when it is over.
            self.deadline = self._around.clock.seconds() + self._around.settings.negotiation_seconds
            return
        super()._overdue()


def _less(counts: Counter[str], key: str) -> None:
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
