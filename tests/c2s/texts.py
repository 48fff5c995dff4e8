"""What clients and servers write on the wire."""

from base64 import b64encode

CAPULET, MONTAGUE = "capulet.example", "montague.example"
PASSWORD = "secret"
JULIET, ROMEO = f"juliet@{CAPULET}", f"romeo@{CAPULET}"

BIND = "urn:ietf:params:xml:ns:xmpp-bind"
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
TLS = "urn:ietf:params:xml:ns:xmpp-tls"
ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"
STARTTLS = f"<starttls xmlns='{TLS}'/>"
PROCEED = f"<proceed xmlns='{TLS}'/>"
SUCCESS = f"<success xmlns='{SASL}'/>"
CLOSE = "</stream:stream>"
"""What both sides write to close their streams."""


def opening(to: str = CAPULET, extra: str = "version='1.0'") -> str:
    """Return a client's stream header."""
    return (
        f"<?xml version='1.0'?><stream:stream xmlns='jabber:client' to='{to}'"
        f" xmlns:stream='http://etherx.jabber.org/streams' {extra}>"
    )


def plain(user: str, password: str = PASSWORD, authzid: str = "") -> str:
    """Return the element that logs in by PLAIN."""
    return auth("PLAIN", f"{authzid}\0{user}\0{password}".encode())


def auth(mechanism: str, initial: bytes | None = None) -> str:
    """Return the element that begins a login."""
    text = "" if initial is None else b64encode(initial).decode() or "="
    return f"<auth xmlns='{SASL}' mechanism='{mechanism}'>{text}</auth>"


def failure(condition: str) -> str:
    """Return the answer to a login that has failed."""
    return f"<failure xmlns='{SASL}'><{condition}/></failure>"


def binding(resource: str = "", id: str = "bind") -> str:
    """Return the request to bind a resource."""
    wanted = f"<resource>{resource}</resource>" if resource else ""
    return f"<iq type='set' id='{id}'><bind xmlns='{BIND}'>{wanted}</bind></iq>"


def bound(resource: str, id: str = "bind") -> str:
    """Return the answer to a bind request of Juliet's."""
    jid = f"<jid>{JULIET}/{resource}</jid>"
    return f"<iq type='result' id='{id}'><bind xmlns='{BIND}'>{jid}</bind></iq>"


def iq_error(condition: str, type: str, attributes: str = "type='error' id='bind'") -> str:
    """Return a stanza error to an IQ."""
    return (
        f"<iq {attributes}><error type='{type}'>"
        f"<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    )


def stream_error(condition: str) -> str:
    """Return a stream error."""
    return f"<stream:error><{condition} xmlns='{ERRORS}'/></stream:error>"
