"""Makes `twistd xmppd` known to twistd."""

from twisted.application.service import ServiceMaker

xmppd = ServiceMaker(  # type: ignore[no-untyped-call]  # untyped in Twisted
    "xmppd", "xmppd.service.tap", "An XMPP server", "xmppd"
)
