"""A process with a slixmpp client that does what it is told (see `tests.live.requests`)."""

import hashlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any
from xml.etree import ElementTree

from slixmpp import JID, ClientXMPP

from tests.live.requests import asked, say, serve

PLUGINS = ("xep_0030", "xep_0092", "xep_0199", "xep_0202")
TLS_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}


def trusting(ca: str, tls: str) -> ssl.SSLContext:
    """Return a context that believes that authority only, and speaks that version of TLS only."""
    context = ssl.create_default_context(cafile=ca or None)
    if tls:
        context.minimum_version = context.maximum_version = TLS_VERSIONS[tls]
    return context


class Client(ClientXMPP):
    """Tells of everything that happens to it."""

    def __init__(self, jid: str, password: str, mechanism: str, context: ssl.SSLContext) -> None:
        super().__init__(jid, password, sasl_mech=mechanism or None, ssl_context=context)
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        for event, handler in (
            ("session_start", self.started),
            ("message", self.message),
            ("message_error", self.bounce),
            ("presence_available", self.presence),
            ("presence_unavailable", self.presence),
            ("presence_subscribe", self.presence),
            ("presence_subscribed", self.presence),
            ("presence_unsubscribe", self.presence),
            ("presence_unsubscribed", self.presence),
            ("failed_auth", self.refused),
            ("failed_all_auth", lambda _: say("gave up")),
            ("stream_error", self.stream_error),
            ("ssl_invalid_chain", self.distrusted),
            ("connection_failed", self.failed),
            ("disconnected", lambda reason: say("disconnected", reason=str(reason or ""))),
        ):
            self.add_event_handler(event, handler)

    def started(self, _: object) -> None:
        wrapped: Any = self.socket
        secure = hasattr(wrapped, "version")
        say(
            "session",
            jid=self.boundjid.full,
            mechanism=self["feature_mechanisms"].mech.name,
            tls=wrapped.version() if secure else "",
            certificate=hashlib.sha256(wrapped.getpeercert(True)).hexdigest() if secure else "",
        )

    def message(self, message: Any) -> None:
        say(
            "message",
            sender=message["from"].full,
            to=message["to"].full,
            type=message["type"],
            body=message["body"],
        )

    def bounce(self, message: Any) -> None:
        say(
            "bounce",
            id=message["id"],
            sender=message["from"].full,
            condition=message["error"]["condition"],
            text=message["error"]["text"],
        )

    def presence(self, presence: Any) -> None:
        say(
            "presence",
            sender=presence["from"].full,
            type=presence["type"],
            status=presence["status"],
        )

    def refused(self, failure: Any) -> None:
        say("refused", condition=failure["condition"], text=failure["text"])

    def stream_error(self, error: Any) -> None:
        say("stream error", condition=error["condition"], text=error["text"])

    def distrusted(self, error: ssl.SSLError) -> None:
        say("distrusted", why=str(error))
        self.abort()

    def failed(self, error: object) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            say("distrusted", why=str(error))
        else:
            say("not connected", why=str(error))


class Requests:
    """What can be asked for."""

    def __init__(self) -> None:
        self._client: Client | None = None
        self.known: dict[str, Callable[..., Awaitable[None]]] = {
            "connect": self.connect,
            "message": self.message,
            "presence": self.presence,
            "ping": self.ping,
            "version": self.version,
            "time": self.time,
            "disco": self.disco,
            "query": self.query,
            "send": self.send,
            "disconnect": self.disconnect,
        }

    @property
    def _connected(self) -> Client:
        assert self._client is not None
        return self._client

    async def connect(
        self,
        jid: str,
        password: str,
        address: str,
        port: int,
        ca: str,
        starttls: bool,
        direct: bool,
        mechanism: str,
        tls: str,
        plaintext: bool = False,
        quiet: bool = False,
    ) -> None:
        """Log in; every event from then on is told.

        `plaintext`: without TLS; `quiet`: without answers to subscription requests.
        """
        client = self._client = Client(jid, password, mechanism, trusting(ca, tls))
        client.enable_starttls = starttls
        client.enable_direct_tls = direct
        client.enable_plaintext = plaintext
        client["feature_mechanisms"].config["unencrypted_scram"] = plaintext
        if quiet:
            client.auto_authorize = None
        client.connect(address, port)

    async def message(self, to: str, body: str) -> None:
        """Send a chat message."""
        self._connected.send_message(JID(to), body, mtype="chat")

    async def presence(self, to: str, status: str) -> None:
        """Send available presence, to everybody if `to` is ""."""
        self._connected.send_presence(pto=JID(to) if to else None, pstatus=status)

    async def ping(self, to: str) -> None:
        """Ping and tell of the answer."""
        await asked(self._connected["xep_0199"].send_ping(to), lambda _: {})

    async def version(self, to: str) -> None:
        """Ask for the name and version of software."""
        await asked(
            self._connected["xep_0092"].get_version(to),
            lambda iq: {key: iq["software_version"][key] for key in ("name", "version")},
        )

    async def time(self, to: str) -> None:
        """Ask for the time of day."""
        await asked(
            self._connected["xep_0202"].get_entity_time(to),
            # COMPAT(slixmpp): its own reading expects a time without the Z of XEP-0082.
            lambda iq: {"utc": iq["entity_time"].xml.findtext("{urn:xmpp:time}utc")},
        )

    async def disco(self, to: str) -> None:
        """Ask for identities and features."""
        await asked(
            self._connected["xep_0030"].get_info(to),
            lambda iq: {
                "identities": sorted(
                    f"{category}/{type}" for category, type, *_ in iq["disco_info"]["identities"]
                ),
                "features": sorted(iq["disco_info"]["features"]),
            },
        )

    async def query(self, type: str, to: str, payload: str) -> None:
        """Send a request with that child and tell of the answer's child, as XML."""
        iq: Any = self._connected.make_iq(ito=JID(to) if to else None)
        iq["type"] = type
        iq.append(ElementTree.fromstring(payload))
        await asked(
            iq.send(),
            lambda answer: {"xml": [ElementTree.tostring(each, "unicode") for each in answer.xml]},
        )

    async def send(self, xml: str) -> None:
        """Send something as it stands."""
        self._connected.send_raw(xml)

    async def disconnect(self) -> None:
        """Close the stream."""
        self._connected.disconnect()


if __name__ == "__main__":
    serve(Requests().known)
