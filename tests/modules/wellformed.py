"""Requests, messages and presence as they should be, for what features take."""

from tests.modules.test_strangers import PAYLOADS
from xmppd.api.registrations import HandleBeforeLogin, HandleIq

FORM = "<x xmlns='jabber:x:data' type='{}'>{}</x>"
RULES = "<field var='FORM_TYPE' type='hidden'><value>urn:acme:rules</value></field>"
ROSTER, PRIVATE = "jabber:iq:roster", "jabber:iq:private"
BLOCKING, COMMANDS = "urn:xmpp:blocking", "http://jabber.org/protocol/commands"
INFO, ITEMS = "http://jabber.org/protocol/disco#info", "http://jabber.org/protocol/disco#items"
REGISTER = "jabber:iq:register"

REQUESTS: dict[tuple[str, str, str], tuple[str, ...]] = {
    ("get", ROSTER, "query"): (
        f"<query xmlns='{ROSTER}'/>",
        f"<query xmlns='{ROSTER}' ver='$ver'/>",
    ),
    ("set", ROSTER, "query"): (
        f"<query xmlns='{ROSTER}'><item jid='nurse@example.org' name='Nurse' subscription='both'>"
        "<group>Servants</group><group>Friends</group></item></query>",
        f"<query xmlns='{ROSTER}'><item jid='nurse@example.org' subscription='remove'/></query>",
    ),
    ("get", PRIVATE, "query"): (f"<query xmlns='{PRIVATE}'><prefs xmlns='exodus:prefs'/></query>",),
    ("set", PRIVATE, "query"): (
        f"<query xmlns='{PRIVATE}'><prefs xmlns='exodus:prefs'><nick>Juliet</nick></prefs>"
        "<storage xmlns='storage:bookmarks'/></query>",
    ),
    ("set", "vcard-temp", "vCard"): (
        "<vCard xmlns='vcard-temp'><FN>Juliet</FN><PHOTO><TYPE>image/png</TYPE>"
        "<BINVAL>aGVsbG8=</BINVAL></PHOTO></vCard>",
    ),
    ("set", BLOCKING, "block"): (
        f"<block xmlns='{BLOCKING}'><item jid='tybalt@example.net'/>"
        "<item jid='example.com/x'/></block>",
    ),
    ("set", BLOCKING, "unblock"): (
        f"<unblock xmlns='{BLOCKING}'><item jid='tybalt@example.net'/></unblock>",
        f"<unblock xmlns='{BLOCKING}'/>",
    ),
    ("get", INFO, "query"): (
        f"<query xmlns='{INFO}'/>",
        f"<query xmlns='{INFO}' node='{COMMANDS}'/>",
        f"<query xmlns='{INFO}' node='acme'/>",
    ),
    ("get", ITEMS, "query"): (
        f"<query xmlns='{ITEMS}'/>",
        f"<query xmlns='{ITEMS}' node='{COMMANDS}'>"
        "<set xmlns='http://jabber.org/protocol/rsm'><max>10</max><after>x</after></set></query>",
    ),
    ("set", COMMANDS, "command"): (
        f"<command xmlns='{COMMANDS}' node='acme' action='execute'/>",
        f"<command xmlns='{COMMANDS}' node='acme' sessionid='$sessionid' action='next'>"
        + FORM.format("submit", "<field var='name'><value>Juliet</value></field>")
        + "</command>",
        f"<command xmlns='{COMMANDS}' node='acme' sessionid='$sessionid' action='complete'>"
        + FORM.format("submit", RULES + "<field var='many'><value>a</value><value>b</value></field>"
                      "<field var='who'><value>nurse@example.org</value></field>")
        + "</command>",
        f"<command xmlns='{COMMANDS}' node='acme' sessionid='$sessionid' action='prev'/>",
        f"<command xmlns='{COMMANDS}' node='$node'/>",
        f"<command xmlns='{COMMANDS}' node='$node' sessionid='$sessionid' action='complete'>"
        + FORM.format("submit", "<field var='$var'><value>nurse@example.org</value></field>"
                      "<field var='number'><value>3</value></field>")
        + "</command>",
        f"<command xmlns='{COMMANDS}' node='acme' sessionid='$sessionid' action='cancel'/>",
    ),
    ("set", REGISTER, "query"): (
        f"<query xmlns='{REGISTER}'><username>juliet</username><password>w1nd0w</password></query>",
        f"<query xmlns='{REGISTER}'>"
        + FORM.format("submit", "<field var='username'><value>juliet</value></field>"
                      "<field var='password'><value>r0m30</value></field>")
        + "</query>",
        f"<query xmlns='{REGISTER}'><remove/></query>",
    ),
}  # fmt: skip
"""Payloads by (type, namespace, name); "$ver" is what somebody was told as `ver` last.

The first one is answered with a result to somebody; who else is asked may refuse.
"""

DELAY = "<delay xmlns='urn:xmpp:delay' from='example.org' stamp='2026-11-22T12:00:00Z'/>"
CAPS = (
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://code.google.com/p/exodus'"
    " ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>"
)
ANSWERS = {
    f"{INFO} query": f"<query xmlns='{INFO}'"
    " node='http://code.google.com/p/exodus#QgayPKawpkPSDYmwT/WM94uAlu0='>"
    "<identity category='client' name='Exodus 0.9.1' type='pc'/>"
    "<feature var='http://jabber.org/protocol/caps'/>"
    f"<feature var='{INFO}'/><feature var='{ITEMS}'/>"
    "<feature var='http://jabber.org/protocol/muc'/></query>",
}
"""What is answered to requests of the server, by payload; nothing where there is nothing."""

MESSAGES = (
    "<body>Soft!</body>",
    "<subject>Light</subject><body xml:lang='en'>Soft!</body><thread parent='a'>b</thread>",
    f"<body>late</body>{DELAY}<x xmlns='jabber:x:delay' stamp='20261122T12:00:00'/>",
    "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
    "<body>a</body><active xmlns='http://jabber.org/protocol/chatstates'/>"
    "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/>",
    "<received xmlns='urn:xmpp:receipts' id='a'/><store xmlns='urn:xmpp:hints'/>",
    "<body>a</body><no-store xmlns='urn:xmpp:hints'/><no-copy xmlns='urn:xmpp:hints'/>",
    "<body>a</body><no-permanent-store xmlns='urn:xmpp:hints'/>"
    "<private xmlns='urn:xmpp:carbons:2'/>",
    "<body>a</body><stanza-id xmlns='urn:xmpp:sid:0' by='juliet@example.org' id='x'/>"
    "<origin-id xmlns='urn:xmpp:sid:0' id='y'/>",
    "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>"
    f"{DELAY}<message xmlns='jabber:client' from='a@b' to='c@d'><body>x</body></message>"
    "</forwarded></received>",
    "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='n'><item id='1'/></items>"
    "</event>",
    "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='nurse@example.org'/></x>",
    "<x xmlns='jabber:x:conference' jid='room@doll.example.org'/>",
    FORM.format("form", "<field var='a' type='text-single'/>"),
    "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:a@b</gone>"
    "</error>",
)
"""What is inside of messages."""

PRESENCES = (
    "",
    "<show>away</show><status xml:lang='en'>Asleep</status><priority>5</priority>",
    "<priority>-128</priority>",
    CAPS,
    f"<show>xa</show>{CAPS}",
    f"{CAPS}<x xmlns='vcard-temp:x:update'><photo>da39a3ee5e6b4b0d3255bfef95601890</photo></x>",
    f"<show>dnd</show>{DELAY}<idle xmlns='urn:xmpp:idle:1' since='2026-11-22T12:00:00Z'/>",
    "<x xmlns='http://jabber.org/protocol/muc'><password>a</password><history maxstanzas='5'/></x>",
    "<nick xmlns='http://jabber.org/protocol/nick'>Juliet</nick>",
    "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
)
"""What is inside of presence."""


def requests(handler: HandleIq | HandleBeforeLogin) -> tuple[str, ...]:
    """Return payloads for a handler: of the table, or of strangers' tests, or an empty one."""
    known = REQUESTS.get((handler.type, handler.ns, handler.name))
    empty = f"<{handler.name} xmlns='{handler.ns}'/>"
    return known or (PAYLOADS.get((handler.type, handler.ns), empty),)
