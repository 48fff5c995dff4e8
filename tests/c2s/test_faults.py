"""An exception in our own code ends the stream it happens on, and nothing else."""

from typing import Any

from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher
from zope.interface import implementer

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CAPULET, JULIET, PASSWORD, ROMEO, opening, plain
from tests.c2s.watchers import breaks
from xmppd.api.moments import SentByClient, ToAccount, ToResource
from xmppd.api.registrations import Watch
from xmppd.auth import realm
from xmppd.auth.portal import Authenticator
from xmppd.c2s import before_login, binding
from xmppd.c2s.protocol import ClientProtocol
from xmppd.c2s.session import Session
from xmppd.routing.domain import AccountsDomain
from xmppd.stanza.stanza import Iq, Message, Stanza
from xmppd.stream.inbound import InboundStream


class Breaking:
    """A method that breaks the next time it is called, and never again."""

    def __init__(self, where: Any, name: str) -> None:
        self._where, self._name = where, name
        self._whole = getattr(where, name)

    def __enter__(self) -> None:
        def break_once(*_: object, **__: object) -> object:
            setattr(self._where, self._name, self._whole)
            raise ZeroDivisionError

        setattr(self._where, self._name, break_once)

    def __exit__(self, *_: object) -> None:
        setattr(self._where, self._name, self._whole)


class FaultTests(HouseCase):
    """Whatever breaks, Romeo and the Nurse go on talking."""

    def setUp(self) -> None:
        super().setUp()
        self.romeo, self.nurse = self.house.login("romeo", "orchard"), self.house.login("nurse")

    def others_talk(self) -> None:
        self.romeo.takes()
        self.nurse.sends(f"<message to='{ROMEO}/orchard' id='1'/>")
        self.assertEqual([each.get("id") for each in self.romeo.takes()], ["1"])

    def broken(self, client: Client, where: Any, name: str, data: str) -> None:
        """Send something while a method is broken."""
        with Breaking(where, name):
            client.sends(data)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(client.takes()[-1][0].tag.partition("}")[2], "internal-server-error")
        self.assertTrue(client.reader.ended)
        client.closes()
        self.assertTrue(client.lost)
        self.others_talk()

    def test_on_a_strangers_stream(self) -> None:
        for where, name, data in (
            (InboundStream, "open", opening()),
            (Authenticator, "offered", opening()),
            (before_login, "mechanisms", opening()),
            (InboundStream, "receive", opening()),
        ):
            self.broken(self.house.connect(), where, name, data)
        for where, name, data in (
            (Authenticator, "begin", plain("juliet")),
            (InboundStream, "restart", plain("juliet")),
        ):
            client = self.house.connect()
            client.opens()
            self.broken(client, where, name, data)

    def test_while_binding(self) -> None:
        request = "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        for where, name in (
            (binding.Binder, "choose"),
            (AccountsDomain, "open"),
            (ClientProtocol, "establish"),
        ):
            client = self.house.connect()
            client.logs_in()
            self.broken(client, where, name, request)
            self.assertEqual(self.house.server.hosts[CAPULET].local.sessions("juliet"), ())

    def test_on_a_bound_stream(self) -> None:
        for where, name in (
            (Session, "receive"),
            (AccountsDomain, "submit"),
            (InboundStream, "receive"),
        ):
            self.broken(self.house.login(), where, name, f"<message to='{ROMEO}/orchard'/>")

    def test_nothing_private_is_logged(self) -> None:
        """No password, no body, whatever breaks, and wherever."""
        lines: list[str] = []

        @implementer(ILogObserver)
        def observe(event: LogEvent) -> None:
            lines.append(eventAsText(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        body = f"<message to='{ROMEO}/orchard'><body>a private matter</body></message>"
        for where, name, data in (
            (InboundStream, "restart", plain("juliet")),
            (Authenticator, "begin", plain("juliet")),
            (Session, "receive", body),
            (AccountsDomain, "_sent", body),
            (AccountsDomain, "receive", body),
        ):
            client = self.house.connect() if "auth" in data else self.house.login()
            if client.reader.headers == 0:
                client.opens()
            with Breaking(where, name):
                client.sends(data)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        text = "\n".join(lines)
        self.assertIn("ZeroDivisionError", text)
        for private in (PASSWORD, plain("juliet"), "a private matter"):
            self.assertNotIn(private, text)

    def test_a_feature_that_breaks_costs_an_answer(self) -> None:
        """Not even the stream suffers (RFC 6120 8.3.3.6)."""
        for moment in (SentByClient, ToAccount, ToResource):
            self.setUp()
            self.house.install(Watch(moment, breaks, payload=(("urn:x", "x"),)))
            juliet = self.house.login()
            juliet.sends(f"<message to='{ROMEO}/orchard' id='1'><x xmlns='urn:x'/></message>")
            answers = juliet.takes()
            self.assertEqual([each.get("type") for each in answers], ["error"] * len(answers))
            self.assertEqual(len(answers), 0 if moment is ToResource else 1)
            self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
            juliet.sends(f"<message to='{JULIET}/balcony' id='2'/>")
            self.assertEqual([each.get("id") for each in juliet.takes()], ["2"])
            self.others_talk()

    def test_a_stanza_that_cannot_be_written(self) -> None:
        """By whose fault ever: it is dropped, and the log has it without its content."""
        juliet = self.house.login()
        (session,) = self.house.server.hosts[CAPULET].local.accounts_domain.sessions.of("juliet")
        bad: list[Stanza] = [Message(id="\0"), Iq(type="\uffff")]
        for stanza in bad:
            session.write(stanza)
        session.write(Message(id="1"))
        self.house.turn()
        juliet.receives("<message id='1'/>")
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 2)

    def test_a_realm_that_breaks_on_logout(self) -> None:
        juliet, known = self.house.login(), self.house.connect()
        known.logs_in("juliet")
        self.patch(realm, "_nothing", breaks)
        broken = self.house.connect()
        broken.logs_in("juliet")
        bound = self.house.login(resource="other")
        for client in (broken, bound):
            client.closes()
            self.assertTrue(client.reader.ended)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)
        juliet.closes()
        self.others_talk()
