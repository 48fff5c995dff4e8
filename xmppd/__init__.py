"""xmppd, a federated XMPP server on Twisted (RFC 6120, RFC 6121, RFC 7590, RFC 7622)."""

__version__ = "0.1.0"
