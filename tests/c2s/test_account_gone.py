"""Accounts that go between a login and the session it was for (RFC 6120 4.9.3.12)."""

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from tests.c2s.client import Client
from tests.c2s.house import HouseCase
from tests.c2s.texts import CAPULET, SUCCESS, binding, opening, plain
from xmppd.api.registrations import HandleIq, PerAccount, Request


class AccountGoneTests(HouseCase):
    """No session is ever nobody's."""

    def setUp(self) -> None:
        super().setUp()
        self.host = self.house.server.hosts[CAPULET]

    def delete(self) -> None:
        deleting = self.host.passwords.delete("juliet")
        self.house.turn()
        self.successResultOf(deleting)

    def make_anew(self) -> None:
        self.delete()
        self.house.add("juliet", created=1.0)

    def disable(self) -> None:
        self.delete()
        self.house.add("juliet", disabled=True)

    def gone(self, client: Client) -> None:
        """Fail unless the client has been sent away and nothing is left of it."""
        client.fails_with("not-authorized")
        self.assertEqual(self.host.local.sessions("juliet"), ())
        self.assertEqual(self.host.local.accounts_domain.sessions.of("juliet"), [])
        client.closes()
        self.assertEqual(len(self.house.clients), 0)

    def test_before_binding(self) -> None:
        changes: tuple[Callable[[], None], ...] = (self.delete, self.make_anew, self.disable)
        for change in changes:
            for restarted in (False, True):
                self.setUp()
                client = self.house.connect()
                client.opens()
                client.sends(plain("juliet"))
                client.receives(SUCCESS)
                if restarted:
                    client.opens()
                change()
                if not restarted:
                    client.sends(opening())
                    self.assertEqual(len(client.takes()), 1)
                client.sends(binding("balcony"))
                self.gone(client)

    def test_nothing_is_done_for_it_without_a_session(self) -> None:
        """What was kept by that name would be found by whoever has it next."""
        note = "<iq type='set' id='1'><note xmlns='urn:note'/></iq>"
        for change in ("delete", "make_anew", "disable"):
            self.setUp()
            asked: list[Request] = []
            self.house.install(HandleIq("set", "urn:note", "note", asked.append))
            client = self.house.connect()
            client.logs_in()
            client.sends(note)
            client.receives("<iq type='result' id='1'/>")
            getattr(self, change)()
            client.sends(note)
            [answer] = client.takes()
            self.assertIn("not-authorized", [each.tag.partition("}")[2] for each in answer[0]])
            self.assertEqual(len(asked), 1)

    def test_while_it_is_looked_up(self) -> None:
        client = self.house.connect()
        client.logs_in()
        looking: Deferred[Any] = Deferred()
        self.patch(self.host.local.accounts_domain.sessions, "_accounts", Slow(looking))
        client.sends(binding("balcony"))
        client.receives()
        self.delete()
        self.gone(client)
        self.assertTrue(looking.called)

    def test_while_its_state_is_loaded(self) -> None:
        loading: Deferred[dict[str, str]] = Deferred()
        self.house.install(PerAccount(dict, lambda _: loading))
        client = self.house.connect()
        client.logs_in()
        client.sends(binding("balcony"))
        client.receives()
        self.delete()
        self.gone(client)

    def test_once_it_is_bound(self) -> None:
        client = self.house.login()
        self.delete()
        self.gone(client)

    def test_others_are_left_alone(self) -> None:
        client = self.house.connect()
        client.logs_in("romeo")
        self.delete()
        self.assertEqual(str(client.binds("orchard")), f"romeo@{CAPULET}/orchard")


class Slow:
    """Accounts that take their time."""

    def __init__(self, answer: "Deferred[Any]") -> None:
        self._answer = answer

    def get(self, _localpart: str) -> "Deferred[Any]":
        return self._answer
