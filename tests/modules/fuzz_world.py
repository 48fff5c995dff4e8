"""A host with all shipped features and all sorts of people, who send stanzas that were spoilt."""

from collections import Counter
from dataclasses import dataclass
from string import Template

from twisted.python.failure import Failure

from tests.modules.malformed import Spoiler, pieces
from tests.modules.surroundings import DOLL, Surroundings
from tests.modules.test_strangers import shipped
from tests.modules.wellformed import ANSWERS, MESSAGES, PRESENCES, requests
from xmppd.api.auth import IPasswords
from xmppd.api.registrations import HandleIq
from xmppd.api.storage import AccountExists
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.fake_session import FakeSession
from xmppd.testing.remote import FakeRemote
from xmppd.testing.texts import read_stanzas
from xmppd.wire.document import parse_fragment
from xmppd.wire.element import Element
from xmppd.wire.namespaces import (
    BLOCKING,
    BLOCKING_ERRORS,
    CLIENT,
    COMMANDS,
    DISCO_INFO,
    DISCO_ITEMS,
    LAST,
    PING,
    PRIVATE,
    REGISTER,
    ROSTER,
    SESSION,
    STANZA_ERRORS,
    TIME,
    VCARD_TEMP,
    VERSION,
)
from xmppd.wire.serializer import escape_attr, serialize

DEFAULT = (
    "bad-request not-acceptable jid-malformed item-not-found forbidden not-allowed"
    " service-unavailable feature-not-implemented resource-constraint policy-violation"
)
CONDITIONS: dict[str, str] = {
    BLOCKING: "bad-request jid-malformed not-allowed resource-constraint",
    COMMANDS: "bad-request not-allowed forbidden item-not-found",
    DISCO_INFO: "item-not-found forbidden",
    DISCO_ITEMS: "item-not-found bad-request forbidden",
    LAST: "forbidden",
    PING: "",
    PRIVATE: "bad-request not-acceptable not-allowed policy-violation resource-constraint",
    REGISTER: "bad-request conflict not-acceptable not-allowed forbidden resource-constraint"
    " registration-required unexpected-request not-authorized",
    ROSTER: "bad-request jid-malformed not-acceptable item-not-found not-allowed"
    " resource-constraint",
    SESSION: "",
    TIME: "",
    VCARD_TEMP: "not-allowed policy-violation",
    VERSION: "",
}
"""What handlers of a namespace may answer, where the documents name few conditions."""

ENVELOPE = frozenset({"bad-request", "service-unavailable"})
"""What any request may be answered: two payloads, or one that nobody handles there."""

ACCEPTED = (
    "bad-request not-acceptable jid-malformed service-unavailable policy-violation"
    " remote-server-not-found item-not-found resource-constraint gone not-allowed"
)
"""What messages and presence may be answered."""

TARGETS = (
    "juliet@example.org",
    "example.org",
    "nurse@example.org",
    "nobody@example.org",
    "friar@example.org",
    DOLL,
)
"""Addresses that are the server's to answer for; the friar is never online."""

PRESENCE_TYPES = (
    "", "", "", "", "", "unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed",
    "probe", "error", "invisible",
)  # fmt: skip
MESSAGE_TYPES = ("", "chat", "normal", "headline", "groupchat", "error", "CHAT")
SEEN = 40
ROOT = f"<root xmlns='{CLIENT}'>".encode()


@dataclass(slots=True)
class Case:
    """One stanza as it is sent, and what it is."""

    text: str
    kind: str
    type: str
    id: str
    to: str
    name: str
    """Of the only child: namespace and name; "" if there is none, or more than one."""

    @property
    def is_request(self) -> bool:
        """Whether somebody has to answer."""
        return self.kind == "iq" and self.type in ("get", "set")


Someone = FakeSession | FakeRemote


class World:
    """A host with all features, its people, and what is wrong with what they are answered.

    Where the host is `anonymous`, its people are guests.
    """

    def __init__(self, seed: str, *, anonymous: bool = False) -> None:
        self.host = FakeHost(anonymous=anonymous)
        for feature in (Surroundings, *shipped()):
            try:
                self.host.load(feature)
            except ValueError:  # some are not for guests
                if not anonymous:
                    raise
        self.handlers = [record for _, record in self.host.registry.records(HandleIq)]
        self.refusals = {f"{each.ns} {each.name}": each.refusal for each in self.handlers}
        examples = [text for each in self.handlers for text in requests(each)]
        others = [tree(text) for text in (*examples, *MESSAGES, *PRESENCES) if text]
        self.spoiler = Spoiler(seed, others)
        self.reached: Counter[str] = Counter()
        self._told: dict[str, str] = {}
        self._number = 0
        self.romeo = self.host.remote("romeo@example.net/orchard")
        self.tybalt = self.host.remote("tybalt@example.com/x")
        if not anonymous:
            self.host.add_account("friar")
        self.log_in()
        self.nurse.sends("<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>A</FN></vCard></iq>")
        self.juliet.sends("<presence type='subscribe' to='romeo@example.net'/>")
        self.romeo.sends(
            "<presence type='subscribed' from='romeo@example.net' to='juliet@example.org'/>",
            "<presence type='subscribe' from='romeo@example.net' to='juliet@example.org'/>",
        )
        self.juliet.sends("<presence type='subscribed' to='romeo@example.net'/>")
        self.host.unread()

    def log_in(self) -> None:
        """Let Juliet and the nurse in, available and interested."""
        guests = self.host.anonymous
        passwords = self.host.find(IPasswords)
        if passwords is not None:
            for name in ("juliet", "nurse"):
                passwords.create(name, "r0m30").addErrback(_there_already)
            self.host.turn()
        self.juliet = self.host.login("juliet/balcony", anonymous=guests)
        self.nurse = self.host.login("nurse/cellar", anonymous=guests)
        for client in (self.juliet, self.nurse):
            client.sends(f"<iq type='get' id='r'><query xmlns='{ROSTER}'/></iq>", "<presence/>")
        self.host.unread()

    def log_out(self) -> None:
        """Have everybody gone, without a word."""
        for client in (self.juliet, self.nurse):
            client.disconnects()
        self.host.unread()

    def restart(self) -> None:
        """Stop the server and start it over the same data."""
        self.host = self.host.restarted()
        self.log_in()

    # Cases.

    def case(self, kind: str, type: str, to: str, *children: Element, lang: bool = False) -> Case:
        """Return a stanza with these children."""
        self._number += 1
        id = f"f{self._number}"
        attrs = {"type": type, "to": to, "xml:lang": self.spoiler.value() if lang else ""}
        given = "".join(f" {name}='{escape_attr(value)}'" for name, value in attrs.items() if value)
        inner = b"".join(serialize(child, CLIENT) for child in children).decode()
        name = f"{children[0].ns} {children[0].name}" if len(children) == 1 else ""
        return Case(f"<{kind} id='{id}'{given}>{inner}</{kind}>", kind, type, id, to, name)

    def filled(self, text: str) -> str:
        """Return an example with what the server has said in place of the names."""
        return Template(text).safe_substitute(self._told)

    def spoilt(self, text: str) -> list[Element]:
        """Return the children an example stands for, after something has happened to them."""
        root = tree(f"<root>{self.filled(text)}</root>")
        if root.children and self.spoiler.chance(0.9):
            self.spoiler.spoil(self.spoiler.choice(list(root.elements())))
        else:
            self.spoiler.spoil(root)
        return list(root.elements())

    # Sending them.

    def send(self, sender: Someone, case: Case) -> None:
        """Send it. Raises `AssertionError` for an answer, or silence, that is not right."""
        if isinstance(sender, FakeRemote) and not case.to:
            return
        if not is_taken(case.text):
            return
        if self.spoiler.chance(0.05):
            self.host.clock.advance(40)  # nobody waits for that long
        sender.sends(case.text)
        answers = self.answers(sender, case)
        if not answers and case.is_request:
            self.host.clock.advance(120)
            answers = self.answers(sender, case)
            if any(condition(answer) == "resource-constraint" for answer in answers):
                raise AssertionError("the handler was given up")
        self._reply()
        self.host.unread()  # all that was sent can be read
        said = [condition(answer) for answer in answers]
        self.reached.update(each or "result" for each in said)
        if case.is_request:
            ok = len(said) == 1 and said[0] in {"", *self._allowed(case)}
        elif case.type in ("error", "result"):
            ok = not said
        else:
            ok = len(said) < 2 and set(said) <= set(ACCEPTED.split())
        if not ok:
            raise AssertionError(f"{said} to {sender.jid}, who sent {case.text}")
        for answer in answers:
            self._remember(answer)
        if self.juliet.closed_with or self.nurse.closed_with:
            self._again(case)

    def _again(self, case: Case) -> None:
        """Log in again after an account was deleted, which nothing else may bring about."""
        if REGISTER not in case.name:
            raise AssertionError("a session has ended")
        self.log_out()
        self.log_in()

    def answers(self, sender: Someone, case: Case) -> list[Stanza]:
        """Return the answers among what has come: who was asked sends them, with that id."""
        return [
            stanza
            for stanza in came(sender)
            if stanza.kind == case.kind
            and stanza.id == case.id
            and stanza.type in ("result", "error")
            and not (stanza.from_ == sender.jid and case.type in ("result", "error"))
        ]

    def _reply(self) -> None:
        """Have what the server asks of anybody answered, mostly with nonsense."""
        for someone in (self.juliet, self.nurse, self.romeo, self.tybalt):
            for stanza in came(someone):
                if not isinstance(stanza, Iq) or not stanza.is_request or self.spoiler.chance(0.3):
                    continue
                name = stanza.children[0][0]
                payload = ANSWERS.get(name, "")
                children = [tree(payload)] if payload else []
                if self.spoiler.chance(0.7):
                    children = self.spoilt(payload)
                type = self.spoiler.choice(("result", "result", "result", "error"))
                case = self.case("iq", type, str(stanza.from_), *children)
                text = case.text.replace(case.id, stanza.id, 1)
                if is_taken(text):
                    self.reached[f"{type} of {name}"] += 1
                    someone.sends(text)

    def _allowed(self, case: Case) -> frozenset[str]:
        special = ENVELOPE | {"gone"} if case.to == DOLL else ENVELOPE
        if case.name not in self.refusals:
            return special
        return special | {self.refusals[case.name]} | conditions(case.name.partition(" ")[0])

    def _remember(self, answer: Stanza) -> None:
        """Keep what the server has said, for what is sent later."""
        for child in answer.children:
            for element in pieces(answer.child_element(child)):
                self._told.update(element.attrs)
                new = [each for each in element.attrs.values() if each not in self.spoiler.seen]
                self.spoiler.seen = [*self.spoiler.seen, *new][-SEEN:]


def _there_already(failure: Failure) -> str:
    failure.trap(AccountExists)  # type: ignore[no-untyped-call]  # untyped in Twisted
    return ""


def conditions(ns: str) -> frozenset[str]:
    """Return what handlers of a namespace may answer."""
    return frozenset(CONDITIONS.get(ns, DEFAULT).split())


def tree(text: str) -> Element:
    """Return the tree of a text that stands inside of a stanza."""
    return parse_fragment(text.encode(), ROOT)


def is_taken(text: str) -> bool:
    """Tell whether a stream takes a stanza, whose limits it may exceed."""
    try:
        return len(read_stanzas(text)) == 1
    except ValueError:
        return False


def came(someone: Someone) -> tuple[Stanza, ...]:
    """Return what has come for somebody since the last look."""
    if isinstance(someone, FakeRemote):
        return tuple(someone.mailbox.stanzas)
    return someone.stanzas


def condition(answer: Stanza) -> str:
    """Return the condition of an error, "" for a result; one that blocking explains is usual."""
    error = answer.child("error") if answer.type == "error" else None
    if error is None:
        return ""
    if error.child("blocked", BLOCKING_ERRORS) is not None:
        return "service-unavailable"
    (condition,) = (each.name for each in error.elements(ns=STANZA_ERRORS) if each.name != "text")
    return condition
