"""The registry: what features register can be looked up, and is gone with them."""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import Interface, implementer

from xmppd.api.commands import Command
from xmppd.api.moments import (
    PASS,
    PresenceChanged,
    SentByClient,
    SessionOpened,
    Stage,
    ToAccount,
    ToResource,
    Undeliverable,
    Verdict,
)
from xmppd.api.registrations import (
    ACCOUNT,
    HOST,
    OWN_ACCOUNT,
    SERVICE,
    Feature,
    HandleBeforeLogin,
    HandleIq,
    Identity,
    PerAccount,
    PerSession,
    Provide,
    Registration,
    Request,
    Serve,
    Watch,
)
from xmppd.api.services import IService
from xmppd.routing.registry import RegistrationError, Registry
from xmppd.stanza.stanza import Stanza


class IThing(Interface):
    """Something a feature provides."""


@implementer(IService)
class Service:
    """Takes nothing."""

    def receive(self, stanza: Stanza) -> None:
        """Drop it."""


def answer(_request: Request) -> None:
    """Answer nothing."""


def watch(*_: object) -> Verdict:
    return PASS


def command(name: str) -> Command:
    return Command(name, "Do it.", lambda: None, type(None))


def handler(*, at: Any = OWN_ACCOUNT, ns: str = "urn:example") -> HandleIq:
    return HandleIq("get", ns, "query", answer, at)


def early(ns: str = "urn:example") -> HandleBeforeLogin:
    return HandleBeforeLogin("get", ns, "query", lambda *_: None)


class RegistryTests(SynchronousTestCase):
    """`Registry`."""

    def setUp(self) -> None:
        self.registry = Registry()

    def contents(self) -> dict[str, object]:
        """Return all that can be seen of the registry, but the order of its features."""
        registry = self.registry
        registry.watching(SessionOpened)  # so that it is among what is remembered
        registry.list(Feature, HOST)
        tables = {name: value for name, value in vars(registry).items() if name != "_features"}
        return tables | {"features": registry.features}

    def test_removing_leaves_nothing(self) -> None:
        before = self.contents()
        everything: list[Registration] = [
            handler(at=HOST | OWN_ACCOUNT | ACCOUNT | SERVICE),
            Feature("urn:example"),
            early(),
            PerSession(int),
            PerAccount(str, str),
            Provide(IThing, self),
            command("do it"),
            Serve("echo.example.org", Service(), Identity("component", "generic")),
            *(
                Watch(moment, watch)
                for moment in (
                    SentByClient,
                    ToAccount,
                    ToResource,
                    Undeliverable,
                    PresenceChanged,
                    SessionOpened,
                )
            ),
        ]
        self.registry.install("one", everything)
        changed = [name for name, value in self.contents().items() if value != before[name]]
        self.assertEqual(sorted(before), sorted(changed))
        self.registry.remove("one")
        self.assertEqual(before, self.contents())
        self.assertRaises(KeyError, self.registry.remove, "one")

    def test_claims(self) -> None:
        """What only one feature can have."""
        table: list[tuple[Registration, Registration, str]] = [
            (
                handler(),
                handler(at=HOST | OWN_ACCOUNT),
                "IQ get of urn:example is claimed by both one and two",
            ),
            (Provide(IThing, 1), Provide(IThing, 2), "IThing is claimed by both one and two"),
            (
                early(),
                early(),
                "IQ get of urn:example before login is claimed by both one and two",
            ),
            (
                command("go"),
                command("go"),
                "the command go is claimed by both one and two",
            ),
        ]
        for first, second, text in table:
            registry = self.registry = Registry()
            registry.install("one", [first])
            before = self.contents()
            error = self.assertRaises(RegistrationError, registry.install, "two", [second])
            self.assertEqual(text, str(error))
            self.assertEqual(before, self.contents())

    def test_what_would_have_no_effect(self) -> None:
        """Mistakes of an author which types would have shown."""
        missed: Any = "ToAccount"
        table: list[tuple[Any, str]] = [
            ("a string", "one registers a str, which hooks nothing"),
            (Provide, "one registers a type, which hooks nothing"),
            (Watch(missed, lambda: PASS), "one watches 'ToAccount', which is no moment"),
        ]
        before = self.contents()
        for record, text in table:
            error = self.assertRaises(RegistrationError, self.registry.install, "one", [record])
            self.assertEqual(text, str(error))
            self.assertEqual(before, self.contents())

    def test_many_at_once(self) -> None:
        """They are there as if installed one after the other, or none of them is."""
        one, two = handler(at=HOST), handler(at=ACCOUNT)
        self.registry.install("one", [one])
        self.registry.install("two", [two])
        expected, self.registry = self.contents(), Registry()
        self.registry.install_all({"one": iter([one]), "two": iter([two])})
        self.assertEqual(expected, self.contents())
        clashing: list[dict[str, list[Registration]]] = [
            {"three": [Provide(IThing, 3)], "four": [Provide(IThing, 4)]},
            {"three": [Provide(IThing, 3)], "four": [one]},
            {"three": [Provide(IThing, 3)], "two": []},
        ]
        for features in clashing:
            self.assertRaises(RegistrationError, self.registry.install_all, features)
            self.assertEqual(expected, self.contents())

    def test_removing_many(self) -> None:
        self.registry.install_all({"one": [Provide(IThing, 1)], "two": [], "three": []})
        before = self.contents()
        self.assertRaises(KeyError, self.registry.remove, "one", "four")
        self.assertEqual(before, self.contents())
        self.registry.remove("one", "three")
        self.assertEqual(("two",), self.registry.features)
        self.assertIsNone(self.registry.provider(IThing))

    def test_one_name_once(self) -> None:
        self.registry.install("one", [])
        error = self.assertRaises(RegistrationError, self.registry.install, "one", [])
        self.assertEqual("one is installed already", str(error))
        self.assertEqual(("one",), self.registry.features)

    def test_no_clash(self) -> None:
        """The same payload at other addresses, another payload at the same."""
        self.registry.install("one", [handler(at=HOST), handler(at=SERVICE)])
        self.registry.install("two", [handler(at=ACCOUNT), handler(at=HOST, ns="urn:other")])
        self.assertEqual(
            [
                (at, "get", f"{ns} query")
                for at, ns in (
                    (HOST, "urn:example"),
                    (SERVICE, "urn:example"),
                    (ACCOUNT, "urn:example"),
                    (HOST, "urn:other"),
                )
            ],
            list(self.registry.handlers),
        )

    def test_discovery_records_by_address_in_order(self) -> None:
        both, host = Feature("urn:b", HOST | ACCOUNT), Feature("urn:a", HOST)
        self.registry.install("one", [both])
        self.registry.install("two", [host])
        self.assertEqual((both, host), self.registry.list(Feature, HOST))
        self.assertEqual((both,), self.registry.list(Feature, ACCOUNT))
        self.assertEqual((), self.registry.list(Feature, OWN_ACCOUNT))

    def test_watchers_run_by_stage_then_in_order(self) -> None:
        stages = (Stage.MAIN, Stage.AFTER, Stage.FIRST, Stage.BEFORE, Stage.MAIN)
        for n, stage in enumerate(stages):
            watching = [Watch(moment, watch, stage) for moment in (SentByClient, SessionOpened)]
            self.registry.install(f"f{n}", watching)
        slot = self.registry.sent["message"]
        assert slot is not None
        for hooks in (slot, self.registry.watching(SessionOpened)):
            self.assertEqual(["f2", "f3", "f0", "f4", "f1"], [hook.feature for hook in hooks])

    def test_providers(self) -> None:
        self.assertIsNone(self.registry.provider(IThing))
        self.registry.install("one", [Provide(IThing, self)])
        self.assertIs(self, self.registry.provider(IThing))
