"""A whole server as its administrators see it, and the commands of modules."""

from collections.abc import Iterator
from dataclasses import dataclass

from twisted.trial.unittest import SynchronousTestCase

import xmppd
from tests.server.house import House, switched_off
from xmppd.api.commands import Argument, Command, CommandError
from xmppd.api.host import IHost
from xmppd.api.storage import KeyValue
from xmppd.makers import ModuleMaker
from xmppd.routing.registry import RegistrationError
from xmppd.server.administration import HostAdministration, ServerAdmin
from xmppd.server.config import HostConfig
from xmppd.stanza.jid import JID

HERE = "tests.server.test_administration"


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the command of the test returns."""

    text: str


class Greeter:
    """A module with a command."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Command]:
        yield Command("greet", "Say hello.", self.greet, Greeting)
        file = Argument("file", "a file of this machine", path=True)
        yield Command("greet file", "Say hello to a file.", self.greet, Greeting, (file,))

    def greet(self) -> Greeting:
        return Greeting(f"hello from {self._host.domain}")


class Impostor:
    """A module that claims a command of the server."""

    def __init__(self, host: IHost) -> None:
        self._host = host

    def registrations(self) -> Iterator[Command]:
        yield Command("user add", "Not what you think.", lambda: None, Greeting)


GREETER = ModuleMaker("greeter", f"{HERE}.Greeter", default=True)
IMPOSTOR = ModuleMaker("impostor", f"{HERE}.Impostor", default=True)


class StatusTests(SynchronousTestCase):
    """The command `status`."""

    def test_status(self) -> None:
        house = House()
        house.login("juliet@example.org/balcony")
        house.wall.seconds += 61.5
        status = house.run("status")
        self.assertEqual(status.version, xmppd.__version__)
        self.assertEqual(status.uptime, 61.5)
        self.assertEqual(status.hosts, ("example.org", "example.net"))
        self.assertEqual((status.connections, status.sessions, status.storage_queue), (0, 1, 0))
        self.assertEqual(status.components, ())
        for name in ("not logged in", "waiting for storage"):
            self.assertEqual(status.states[name], 0)

    def test_states_of_features_are_counted(self) -> None:
        house = House()
        session = house.login("juliet@example.org/balcony")
        session.sends("<presence/>")
        house.login("juliet@example.org/chamber").sends("<presence/>")
        self.assertEqual(house.run("status").states["Shown"], 2)
        session.disconnects()
        self.assertEqual(house.run("status").states["Shown"], 1)

    def test_writes_not_yet_committed_are_counted(self) -> None:
        house = House()
        admin = ServerAdmin(house.server)
        house.server.hosts["example.org"].local.open("notes", KeyValue).put("juliet", b"o")
        self.assertEqual(admin.status().storage_queue, 1)
        house.clock.advance(0)
        self.assertEqual(admin.status().storage_queue, 0)

    def test_kicking_whom_nobody_knows(self) -> None:
        admin = ServerAdmin(House().server)
        for address in ("juliet@example.org/balcony", "juliet@example.com/balcony"):
            with self.subTest(address=address):
                self.assertFalse(admin.kick(JID.parse(address), ""))


class ModuleCommandTests(SynchronousTestCase):
    """What modules register for each host becomes one command that takes a host."""

    def test_each_host_answers_for_itself(self) -> None:
        house = House(extra=[GREETER])
        table = [({}, "example.org"), ({"host": "example.net"}, "example.net")]
        for arguments, domain in table:
            with self.subTest(domain=domain):
                self.assertEqual(house.run("greet", **arguments), Greeting(f"hello from {domain}"))

    def test_a_host_without_the_module(self) -> None:
        hosts = (
            HostConfig("example.org"),
            HostConfig("example.net", modules=switched_off("greeter")),
        )
        house = House(*hosts, extra=[GREETER])
        error = self.assertRaises(CommandError, house.run, "greet", host="example.net")
        self.assertEqual(str(error), "only example.org have this command")

    def test_a_hosts_own_administrators(self) -> None:
        """They have the commands of their host's modules, and no files of the machine."""
        named = HostConfig("example.org", admins=("nurse@example.org",))
        house = House(named, HostConfig("example.net"), extra=[GREETER])
        boss = JID.parse("boss@example.net")
        administration = HostAdministration(house.server, "example.net", [boss])
        self.assertEqual(administration.admins, {boss})
        self.assertEqual(administration.everywhere, {boss, JID.parse("nurse@example.org")})
        known = {command.name: command for command in administration.commands()}
        self.assertEqual(known["greet"].run(), Greeting("hello from example.net"))
        self.assertEqual(known["greet"].arguments, ())
        self.assertLessEqual(known.keys(), house.commands.keys())
        self.assertFalse({"greet file", "export", "import"} & known.keys())

    def test_the_servers_own_commands_cannot_be_claimed(self) -> None:
        error = self.assertRaises(RegistrationError, House, extra=[IMPOSTOR])
        self.assertEqual(str(error), "impostor claims the command user add")
