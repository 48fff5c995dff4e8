"""What becomes of stanzas for a host and its users (RFC 6120 section 10)."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from zope.interface.verify import verifyObject

from tests.plays import refusal
from tests.routing.cases import BALCONY, JULIET, QUERY, DomainTestCase
from xmppd.api.moments import PASS, STOP, SentByClient, ToAccount, Verdict
from xmppd.api.registrations import ACCOUNT, HOST, OWN_ACCOUNT, Answer, At, Request
from xmppd.api.router import IDomain, ISessionHost
from xmppd.api.sessions import ISession
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import normal, read_stanzas
from xmppd.wire.element import Element


class NoAddressTests(DomainTestCase):
    """Stanzas of clients without `to` (RFC 6120 10.3)."""

    def test_interfaces(self) -> None:
        self.assertTrue(verifyObject(IDomain, self.domain))
        self.assertTrue(verifyObject(ISessionHost, self.domain))

    def test_message(self) -> None:
        """10.3.1: as if it were for the sender's bare JID."""
        self.juliet.sends("<presence/>", "<message><body>Note</body></message>")
        self.juliet.receives(f"<message from='{BALCONY}' to='{JULIET}'><body>Note</body></message>")

    def test_request(self) -> None:
        """10.3.3 rules 1 and 2: the answer is the account's."""
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>")
        self.juliet.receives(refusal("service-unavailable", id="1", from_=JULIET, to=BALCONY))
        self.handle(lambda _: None)
        self.juliet.sends(f"<iq type='get' id='1'>{QUERY}</iq>")
        self.juliet.receives(f"<iq type='result' id='1' from='{JULIET}' to='{BALCONY}'/>")

    def test_answers_to_nothing(self) -> None:
        """10.3.3 rule 3."""
        self.juliet.sends("<iq type='result' id='1'/>", "<iq type='error' id='1'/>")
        self.assertEqual({}, self.host.unread())

    def test_malformed_address(self) -> None:
        self.juliet.sends("<message id='1' to='@example.net'/>")
        self.juliet.receives(
            refusal(
                "jid-malformed", kind="message", id="1", type="modify", from_=JULIET, to=BALCONY
            )
        )

    def test_watchers_see_the_address_filled_in(self) -> None:
        """As `SentByClient` promises; presence without `to` is for many."""
        seen: list[str] = []

        def look(stanza: Stanza, _session: ISession) -> Verdict:
            seen.append(f"{stanza.kind} from {stanza.from_} to {stanza.to}")
            return PASS

        self.watch(SentByClient, look)
        self.juliet.sends(f"<message/><iq type='get' id='1'>{QUERY}</iq><presence/>")
        self.assertEqual(
            [
                f"message from {BALCONY} to {JULIET}",
                f"iq from {BALCONY} to {JULIET}",
                f"presence from {BALCONY} to None",
            ],
            seen,
        )


class HostAddressTests(DomainTestCase):
    """Stanzas for the host itself (RFC 6120 10.5.1, 10.5.2)."""

    def test_what_is_answered(self) -> None:
        table = [
            (f"<iq type='get' id='i' to='TO'>{QUERY}</iq>", "service-unavailable"),
            ("<iq type='result' id='i' to='TO'/>", ""),
            ("<iq type='error' id='i' to='TO'/>", ""),
            ("<message id='i' to='TO'/>", "service-unavailable"),
            ("<message id='i' type='chat' to='TO'/>", "service-unavailable"),
            ("<message id='i' type='groupchat' to='TO'/>", "service-unavailable"),
            ("<message id='i' type='headline' to='TO'/>", ""),
            ("<message id='i' type='error' to='TO'/>", ""),
            ("<presence id='i' to='TO'/>", ""),
            ("<presence id='i' type='subscribe' to='TO'/>", ""),
            ("<presence id='i' type='error' to='TO'/>", ""),
        ]
        for to in ("example.org", "example.org/x"):
            for text, condition in table:
                self.romeo.sends(text.replace("TO", to))
                kind = text[1:].partition(" ")[0]
                error = refusal(condition, kind=kind, id="i", from_=to, to=str(self.romeo.jid))
                self.romeo.receives(*[error] if condition else [])

    def test_requests_for_features(self) -> None:
        self.handle(lambda _: None, HOST)
        self.romeo.sends(f"<iq type='get' id='1' to='example.org'>{QUERY}</iq>")
        self.romeo.receives(f"<iq type='result' id='1' from='example.org' to='{self.romeo.jid}'/>")
        self.romeo.sends(f"<iq type='get' id='1' to='example.org/x'>{QUERY}</iq>")
        self.romeo.receives(
            refusal("service-unavailable", id="1", from_="example.org/x", to=str(self.romeo.jid))
        )


class StrangersAtAccountsTests(DomainTestCase):
    """An account that is not there answers as one where nobody is (RFC 6120 13.11)."""

    def test_all_alike(self) -> None:
        self.host.add_account("nurse")
        for kind, types in (
            ("message", ("headline", "groupchat", "error")),
            ("iq", ("get", "set", "result", "error")),
            ("presence", ("", "unavailable", "probe", "subscribed", "error")),
        ):
            for type in types:
                for resource in ("", "/kitchen"):
                    told = []
                    for name in ("nurse", "nobody"):
                        inner = QUERY if type in ("get", "set") else ""
                        to = f"{name}@example.org{resource}"
                        self.romeo.sends(f"<{kind} type='{type}' id='i' to='{to}'>{inner}</{kind}>")
                        told.append([text.replace(name, "") for text in self.romeo.take()])
                    self.assertEqual(told[0], told[1], (kind, type, resource))


class WhoMayAskTests(DomainTestCase):
    """Requests to bare JIDs, by who asks whom."""

    def setUp(self) -> None:
        super().setUp()
        self.asked: list[tuple[At, str]] = []

    def answer(self, request: Request) -> Answer:
        self.asked.append((request.at, request.owner))
        return None

    def test_by_registration(self) -> None:
        self.host.add_account("nurse")
        own, others, nobodys = JULIET, "nurse@example.org", "nobody@example.org"
        table: list[tuple[At, str, list[tuple[At, str]]]] = [
            (OWN_ACCOUNT, own, [(OWN_ACCOUNT, "juliet")]),
            (OWN_ACCOUNT, others, []),
            (OWN_ACCOUNT, nobodys, []),
            (ACCOUNT, own, [(ACCOUNT, "juliet")]),
            (ACCOUNT, others, [(ACCOUNT, "nurse")]),
            (ACCOUNT, nobodys, []),
            (HOST, own, []),
            (OWN_ACCOUNT | ACCOUNT, own, [(OWN_ACCOUNT, "juliet")]),
        ]
        for at, to, asked in table:
            self.handle(self.answer, at)
            self.asked.clear()
            self.juliet.sends(f"<iq type='get' id='1' to='{to}'>{QUERY}</iq>")
            self.assertEqual(asked, self.asked, (at, to))
            refused = refusal("service-unavailable", id="1", from_=to, to=BALCONY)
            result = f"<iq type='result' id='1' from='{to}' to='{BALCONY}'/>"
            self.juliet.receives(result if asked else refused)
            self.host.remove("acme")

    def test_the_same_name_at_another_domain_is_somebody_else(self) -> None:
        other = FakeHost("example.com", beside=self.host).login("juliet/balcony")
        self.handle(self.answer, OWN_ACCOUNT)
        for juliet in (other, self.host.remote("juliet@example.net/balcony")):
            juliet.sends(f"<iq type='get' id='1' to='{JULIET}'>{QUERY}</iq>")
            juliet.receives(
                refusal("service-unavailable", id="1", from_=JULIET, to=str(juliet.jid))
            )
        self.assertEqual([], self.asked)

    def test_two_features_for_two_kinds_of_askers(self) -> None:
        self.handle(self.answer, OWN_ACCOUNT, "own")
        self.handle(self.answer, ACCOUNT, "others")
        for sender in (self.juliet, self.romeo):
            sender.sends(f"<iq type='get' id='1' to='{JULIET}'>{QUERY}</iq>")
        self.assertEqual([(OWN_ACCOUNT, "juliet"), (ACCOUNT, "juliet")], self.asked)

    def test_an_account_that_is_there_answers_like_one_that_is_not(self) -> None:
        """RFC 6120 13.11: no harvesting of addresses."""
        self.host.add_account("nurse")
        self.handle(self.answer, OWN_ACCOUNT)
        answers = []
        for name in ("nurse", "nobody"):
            self.romeo.sends(f"<iq type='get' id='1' to='{name}@example.org'>{QUERY}</iq>")
            answers += [text.replace(name, "NAME") for text in self.romeo.take()]
        self.assertEqual(2, len(answers))
        self.assertEqual(1, len(set(answers)))


class AccountTests(DomainTestCase):
    """Finding accounts nobody is logged in to."""

    def test_an_address_prepared_by_older_rules(self) -> None:
        """RFC 6122 maps to lower case what RFC 7622 leaves apart: one account all the same."""
        seen: list[tuple[str, str]] = []

        def look(stanza: Stanza, owner: str) -> Verdict:
            seen.append((str(stanza.to), owner))
            return STOP

        self.host.add_account("fussball")
        self.watch(ToAccount, look)
        self.romeo.sends("<message to='fußball@example.org/x'/>")
        self.assertEqual([("fussball@example.org/x", "fussball")], seen)

    def test_which_tells_strangers_nothing(self) -> None:
        """Else they would learn of every account by a soft hyphen in its name (RFC 6120 13.11)."""
        self.host.add_account("nurse")
        for sent in (
            "<presence type='probe' id='1' to='{}@example.org'/>",
            "<presence type='probe' id='1' to='{}@example.org/x'/>",
            "<presence type='invisible' id='1' to='{}@example.org'/>",
            "<iq type='get' id='1' to='{}@example.org'><query xmlns='urn:example'/></iq>",
            "<iq type='get' id='1' to='{}@example.org/x'><query xmlns='urn:example'/></iq>",
            "<message type='groupchat' id='1' to='{}@example.org'><body>?</body></message>",
        ):
            said = []
            for name in ("juliet", "jul\xadiet", "nurse", "nur\xadse", "nobody", "no\xadbody"):
                self.romeo.sends(sent.format(name))
                [answer] = self.romeo.take()
                said.append(answer.replace(f'from="{name}@', 'from="NAME@'))
            self.assertEqual(len(set(said[2:])), 1, sent)
            self.assertEqual(said[1], said[2], sent)

    def test_no_presence(self) -> None:
        """RFC 6121 4.7.1; whether there is such an account is nobody's business."""
        for to in (BALCONY, JULIET, "nobody@example.org", "nobody@example.org/x"):
            self.romeo.sends(f"<presence type='invisible' id='1' to='{to}'/>")
            [answer] = self.romeo.take()
            self.assertIn("<bad-request ", answer, to)
        self.juliet.receives()

    def test_looking_up_may_take_its_time(self) -> None:
        waiting: Deferred[Any] = Deferred()
        self.patch(self.domain._accounts, "get", lambda _: waiting)
        self.juliet.sends("<message id='1' to='nurse@example.org'/>")
        self.juliet.sends("<message id='2' to='nobody@example.com'/>")
        self.juliet.receives()
        waiting.callback(None)
        self.juliet.receives(
            refusal(
                "service-unavailable", kind="message", id="1", from_="nurse@example.org", to=BALCONY
            ),
            refusal(
                "remote-server-not-found",
                kind="message",
                id="2",
                from_="nobody@example.com",
                to=BALCONY,
            ),
        )

    def test_a_watcher_may_take_its_time_behind_that(self) -> None:
        waiting: Deferred[Verdict] = Deferred()
        self.host.add_account("nurse")
        self.watch(ToAccount, lambda *_: waiting)
        self.juliet.sends("<message id='1' to='nurse@example.org'/>")
        self.juliet.receives()
        waiting.callback(PASS)
        self.assertEqual(1, len(self.juliet.take()))

    def test_guests_have_no_account_to_be_found(self) -> None:
        guest = self.host.login("guest7/web", anonymous=True)
        guest.sends("<presence/>")
        self.romeo.sends("<message to='guest7@example.org'/>")
        guest.receives(f"<message from='{self.romeo.jid}' to='guest7@example.org'/>")


class UnboundTests(DomainTestCase):
    """Stanzas of clients who have logged in and not bound a resource (RFC 6120 7.1)."""

    def ask(self, text: str) -> list[str]:
        """Return what is answered to what Juliet sends without a resource."""
        [stanza] = read_stanzas(text)
        stanza.from_ = JID.parse(JULIET)
        answer = self.successResultOf(self.domain.answer(stanza))
        return [] if answer is None else [normal(answer)]

    def test_requests(self) -> None:
        async def answer(request: Request) -> Answer:
            await succeed(None)
            return Element("at", "urn:example", {"owner": request.owner})

        self.handle(answer, HOST | OWN_ACCOUNT)
        for to, owner in (("", "juliet"), (f"to='{JULIET}'", "juliet"), ("to='example.org'", "")):
            sender = f"from='{to[4:-1]}'" if to else ""
            self.assertEqual(
                [
                    normal(
                        f"<iq type='result' id='1' to='{JULIET}' {sender}>"
                        f"<at xmlns='urn:example' owner='{owner}'/></iq>"
                    )
                ],
                self.ask(f"<iq type='get' id='1' {to}>{QUERY}</iq>"),
            )

    def test_waiting(self) -> None:
        waiting: Deferred[Answer] = Deferred()
        self.handle(lambda _: waiting)
        [stanza] = read_stanzas(f"<iq type='get' id='1'>{QUERY}</iq>")
        stanza.from_ = JID.parse(JULIET)
        answer = self.domain.answer(stanza)
        self.assertNoResult(answer)
        waiting.callback(None)
        result = self.successResultOf(answer)
        assert result is not None
        self.assertEqual(normal(f"<iq type='result' id='1' to='{JULIET}'/>"), normal(result))

    def test_refusals(self) -> None:
        bind_first = "bind a resource first"
        table = [
            (f"<iq type='get' id='1'>{QUERY}</iq>", "iq", "service-unavailable", "cancel", ""),
            (
                "<iq type='get' id='1'/>",
                "iq",
                "bad-request",
                "modify",
                "a request has exactly one payload",
            ),
            ("<message id='1'/>", "message", "unexpected-request", "wait", bind_first),
            ("<presence id='1'/>", "presence", "unexpected-request", "wait", bind_first),
        ]
        for text, kind, condition, type, why in table:
            expected = refusal(condition, kind=kind, id="1", type=type, text=why, to=JULIET)
            self.assertEqual([normal(expected)], self.ask(text))

    def test_what_is_not_answered(self) -> None:
        for text in (
            "<iq type='result' id='1'/>",
            "<iq type='error' id='1'/>",
            "<iq type='result' id='1'><a/><b/></iq>",
            "<message type='error'/>",
        ):
            self.assertEqual([], self.ask(text))
