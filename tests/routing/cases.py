"""What the tests of a domain start from."""

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.moments import Moment
from xmppd.api.registrations import OWN_ACCOUNT, At, HandleIq, Request, Watch
from xmppd.testing.fake_host import FakeHost

BALCONY = "juliet@example.org/balcony"
JULIET = "juliet@example.org"
QUERY = "<query xmlns='urn:example'/>"


class DomainTestCase(SynchronousTestCase):
    """A host with Juliet on her balcony and Romeo in another domain's orchard."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.domain = self.host.accounts_domain
        self.juliet = self.host.login("juliet/balcony")
        self.romeo = self.host.remote("romeo@example.net/orchard")

    def watch(self, moment: Moment[Any], watcher: Callable[..., Any], **more: Any) -> None:
        self.host.install(f"{moment} watcher", [Watch(moment, watcher, **more)])

    def handle(
        self, handler: Callable[[Request], Any], at: At = OWN_ACCOUNT, name: str = "acme"
    ) -> None:
        self.host.install(name, [HandleIq("get", "urn:example", "query", handler, at)])
