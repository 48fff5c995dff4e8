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
ROSTER = "jabber:iq:roster"  # RFC 6121 2
ROSTER_VERSIONING = "urn:xmpp:features:rosterver"  # RFC 6121 2.6.1
PRE_APPROVAL = "urn:xmpp:features:pre-approval"  # RFC 6121 3.4
DELAY = "urn:xmpp:delay"  # XEP-0203
RESULT_SETS = "http://jabber.org/protocol/rsm"  # XEP-0059
COMMANDS = "http://jabber.org/protocol/commands"  # XEP-0050
ADMIN = "http://jabber.org/protocol/admin"  # XEP-0133
VCARD_TEMP = "vcard-temp"  # XEP-0054
PRIVATE = "jabber:iq:private"  # XEP-0049
LAST = "jabber:iq:last"  # XEP-0012
BLOCKING = "urn:xmpp:blocking"  # XEP-0191
BLOCKING_ERRORS = "urn:xmpp:blocking:errors"  # XEP-0191
REGISTER = "jabber:iq:register"  # XEP-0077
REGISTER_FEATURE = "http://jabber.org/features/iq-register"  # XEP-0077
SERVER_INFO = "http://jabber.org/network/serverinfo"  # XEP-0157
CAPS = "http://jabber.org/protocol/caps"  # XEP-0115
STREAM_LIMITS = "urn:xmpp:stream-limits:0"  # XEP-0478
OUTAGE = "urn:xmpp:sos:0"  # XEP-0455
HINTS = "urn:xmpp:hints"  # XEP-0334
CHAT_STATES = "http://jabber.org/protocol/chatstates"  # XEP-0085
OFFLINE = "msgoffline"  # XEP-0160
PING = "urn:xmpp:ping"  # XEP-0199
VERSION = "jabber:iq:version"  # XEP-0092
TIME = "urn:xmpp:time"  # XEP-0202
XML = "http://www.w3.org/XML/1998/namespace"  # Namespaces in XML 1.0, section 3
XMLNS = "http://www.w3.org/2000/xmlns/"  # Namespaces in XML 1.0, section 3

XML_LANG = f"{{{XML}}}lang"
"""The name of `xml:lang` among an element's attributes."""
