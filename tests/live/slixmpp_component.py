"""A process with a slixmpp component that does what it is told, as `slixmpp_client` does."""

from collections.abc import Awaitable, Callable
from typing import Any

from slixmpp import JID
from slixmpp.componentxmpp import ComponentXMPP

from tests.live.requests import asked, say, serve

PLUGINS = ("xep_0030", "xep_0092", "xep_0199")


class Component(ComponentXMPP):
    """Tells of everything that happens to it; answers pings and service discovery."""

    def __init__(self, jid: str, secret: str) -> None:
        super().__init__(jid, secret)  # type: ignore[no-untyped-call]  # untyped in slixmpp
        for plugin in PLUGINS:
            self.register_plugin(plugin)
        self["xep_0030"].add_identity("gateway", "irc", name="IRC")
        for event, handler in (
            ("session_start", lambda _: say("session")),
            ("message", self.message),
            ("presence", self.presence),
            ("stream_error", lambda error: say("stream error", condition=error["condition"])),
            ("disconnected", lambda _: say("disconnected")),
        ):
            self.add_event_handler(event, handler)

    def message(self, message: Any) -> None:
        say(
            "message",
            sender=message["from"].full,
            to=message["to"].full,
            type=message["type"],
            body=message["body"],
            condition=message["error"]["condition"] if message["type"] == "error" else "",
        )

    def presence(self, presence: Any) -> None:
        sender, to = presence["from"].full, presence["to"].full
        say("presence", sender=sender, to=to, type=presence["type"], status=presence["status"])


class Requests:
    """What can be asked for."""

    def __init__(self) -> None:
        self._component: Component | None = None
        self.known: dict[str, Callable[..., Awaitable[None]]] = {
            "connect": self.connect,
            "message": self.message,
            "presence": self.presence,
            "ping": self.ping,
            "disco": self.disco,
            "disconnect": self.disconnect,
        }

    @property
    def _connected(self) -> Component:
        assert self._component is not None
        return self._component

    async def connect(self, jid: str, secret: str, address: str, port: int) -> None:
        """Connect and prove itself."""
        self._component = Component(jid, secret)
        self._component.connect(address, port)

    async def message(self, sender: str, to: str, body: str) -> None:
        """Send a chat message."""
        self._connected.send_message(JID(to), body, mtype="chat", mfrom=JID(sender))

    async def presence(self, sender: str, to: str, status: str) -> None:
        """Send available presence."""
        self._connected.send_presence(pto=JID(to), pstatus=status, pfrom=JID(sender))

    async def ping(self, sender: str, to: str) -> None:
        """Ping and tell of the answer."""
        ping = self._connected["xep_0199"].send_ping(JID(to), ifrom=JID(sender))
        await asked(ping, lambda _: {})

    async def disco(self, sender: str, to: str) -> None:
        """Ask for features."""
        info = self._connected["xep_0030"].get_info(JID(to), ifrom=JID(sender))
        await asked(info, lambda iq: {"features": sorted(iq["disco_info"]["features"])})

    async def disconnect(self) -> None:
        """Close the stream."""
        self._connected.disconnect()


if __name__ == "__main__":
    serve(Requests().known)
