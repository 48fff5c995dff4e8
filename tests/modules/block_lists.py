"""What clients and the server say to each other about block lists (XEP-0191)."""

from tests.modules.people import BALCONY, JULIET
from xmppd.wire.namespaces import BLOCKING, BLOCKING_ERRORS, STANZA_ERRORS

CHAMBER = f"{JULIET}/chamber"


def command(name: str, *items: str, id: str = "1") -> str:
    """Return a block or unblock command."""
    return f"<iq type='set' id='{id}'>{element(name, *items)}</iq>"


def element(name: str, *items: str) -> str:
    inner = "".join(f"<item jid='{item}'/>" for item in items)
    return f"<{name} xmlns='{BLOCKING}'>{inner}</{name}>"


def push(name: str, *items: str, to: str, id: str) -> str:
    return f"<iq type='set' id='{id}' from='{JULIET}' to='{to}'>{element(name, *items)}</iq>"


def result(to: str = BALCONY, id: str = "1", inner: str = "") -> str:
    return f"<iq type='result' id='{id}' from='{JULIET}' to='{to}'>{inner}</iq>"


def is_blocked(kind: str, from_: str, to: str = BALCONY, id: str = "1") -> str:
    """Return the answer to a stanza for somebody who is blocked."""
    return (
        f"<{kind} type='error' from='{from_}' to='{to}' id='{id}'><error type='cancel'>"
        f"<not-acceptable xmlns='{STANZA_ERRORS}'/><blocked xmlns='{BLOCKING_ERRORS}'/>"
        f"</error></{kind}>"
    )
