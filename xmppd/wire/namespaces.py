"""Namespace names, each with the document that defines it."""

CLIENT = "jabber:client"  # RFC 6120 4.8.3; inside xmppd the content namespace of every stanza
SERVER = "jabber:server"  # RFC 6120 4.8.3
COMPONENT = "jabber:component:accept"  # XEP-0114
STREAMS = "http://etherx.jabber.org/streams"  # RFC 6120 4.8.2
STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams"  # RFC 6120 4.9
STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas"  # RFC 6120 8.3
TLS = "urn:ietf:params:xml:ns:xmpp-tls"  # RFC 6120 5
SASL = "urn:ietf:params:xml:ns:xmpp-sasl"  # RFC 6120 6
BIND = "urn:ietf:params:xml:ns:xmpp-bind"  # RFC 6120 7
SESSION = "urn:ietf:params:xml:ns:xmpp-session"  # RFC 3921 3
CHANNEL_BINDINGS = "urn:xmpp:sasl-cb:0"  # XEP-0440
DISCO_INFO = "http://jabber.org/protocol/disco#info"  # XEP-0030
DISCO_ITEMS = "http://jabber.org/protocol/disco#items"  # XEP-0030
DATA_FORMS = "jabber:x:data"  # XEP-0004
PING = "urn:xmpp:ping"  # XEP-0199
VERSION = "jabber:iq:version"  # XEP-0092
TIME = "urn:xmpp:time"  # XEP-0202
XML = "http://www.w3.org/XML/1998/namespace"  # Namespaces in XML 1.0, section 3
XMLNS = "http://www.w3.org/2000/xmlns/"  # Namespaces in XML 1.0, section 3

XML_LANG = f"{{{XML}}}lang"
"""The name of `xml:lang` among an element's attributes."""
