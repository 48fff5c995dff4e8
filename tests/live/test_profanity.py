"""profanity, a client for people at terminals, against a running server."""

import shutil
from pathlib import Path

from OpenSSL import crypto

from tests.live.clients import ClientCase
from tests.live.harness import Server
from tests.live.screens import Screen, tmux_is_there
from tests.live.test_durability import require

HOST = Server.HOST


def directory_of(ca: Path, folder: Path) -> Path:
    """Put an authority where OpenSSL looks for it in a directory: under a hash of its name."""
    certificate = crypto.load_certificate(crypto.FILETYPE_PEM, ca.read_bytes())
    (folder / f"{certificate.subject_name_hash():08x}.0").write_bytes(ca.read_bytes())
    return folder


class ProfanityCase(ClientCase):
    """A server with juliet and romeo; whoever uses profanity has a screen."""

    def setUp(self) -> None:
        require(shutil.which("profanity") is not None, "profanity")
        require(tmux_is_there(), "tmux")
        self.running = self.server()
        self.running.add("juliet", "romeo")

    def profanity(self) -> Screen:
        """Return a screen on which profanity has started for the first time."""
        screen = Screen(self.folder(), "profanity")
        self.addCleanup(screen.end)
        screen.expect("Type '/help' to show complete help.")
        return screen

    def trust(self, screen: Screen, ca: Path) -> None:
        """Have profanity believe that authority and no other."""
        folder = directory_of(ca, self.folder())
        screen.type(f"/tls certpath set {folder}")
        screen.expect(f"Certificate path set to: {folder}")

    def log_in(self, screen: Screen, tls: str, port: int, user: str = "juliet") -> None:
        """Make an account in profanity, and log in with it."""
        screen.type("/account add verona")
        screen.expect("Account created.")
        for setting, value in (
            ("jid", f"{user}@{HOST}"),
            ("server", self.running.address),
            ("port", str(port)),
            ("tls", tls),
        ):
            screen.type(f"/account set verona {setting} {value}")
            screen.expect(f"account verona: {value}")
        self.connect_as(screen, user)

    def connect_as(self, screen: Screen, user: str) -> None:
        """Log in with the account."""
        screen.type("/connect verona")
        screen.expect("Enter password:")
        screen.type(user)


class ProfanityTests(ProfanityCase):
    """juliet uses profanity, romeo slixmpp."""

    def setUp(self) -> None:
        super().setUp()
        self.screen = self.profanity()

    def chat(self) -> None:
        """Begin a chat from either side."""
        self.screen.expect("logged in successfully")
        romeo = self.online(self.running, "romeo")
        romeo.ask("message", to=f"juliet@{HOST}", body="But, soft!")
        self.screen.expect(f"romeo@{HOST}")
        self.screen.type("/win 2")
        self.screen.expect("But, soft!")
        self.screen.type("O Romeo, <Romeo> & Romeo \u2665")
        heard = romeo.expect("message", body="O Romeo, <Romeo> & Romeo \u2665")
        romeo.ask("message", to=heard["sender"], body="Speak again \u2665")
        self.screen.expect("Speak again \u2665")

    def test_starttls(self) -> None:
        self.trust(self.screen, self.running.ca)
        self.log_in(self.screen, "force", self.running.port)
        self.chat()

    def test_direct_tls(self) -> None:
        self.trust(self.screen, self.running.ca)
        self.log_in(self.screen, "legacy", self.running.tls_port)  # its word for it
        self.chat()

    def test_the_authority_is_not_trusted_untold(self) -> None:
        self.log_in(self.screen, "force", self.running.port)
        self.screen.expect("TLS certificate verification failed")
        self.screen.expect("xmppd development authority")
        self.assertEqual(self.running.do("session list"), [])
        self.screen.type("/tls allow")
        self.chat()

    def test_a_wrong_password(self) -> None:
        self.trust(self.screen, self.running.ca)
        self.running.do("user password", address=f"juliet@{HOST}", password="changed")
        self.log_in(self.screen, "force", self.running.port)
        self.screen.expect("Login failed.")


class FriendsTests(ProfanityCase):
    """juliet and romeo both use profanity."""

    def setUp(self) -> None:
        super().setUp()
        self.juliet, self.romeo = self.user("juliet"), self.user("romeo")

    def user(self, name: str) -> Screen:
        """Return the screen of somebody who has logged in."""
        screen = self.profanity()
        self.trust(screen, self.running.ca)
        self.log_in(screen, "force", self.running.port, name)
        screen.expect(f"{name}@{HOST}/profanity")
        screen.expect("logged in successfully")
        return screen

    def befriend(self) -> None:
        """Have each of them ask the other, and allow it."""
        for asker, asked, address, asker_address in (
            (self.juliet, self.romeo, f"romeo@{HOST}", f"juliet@{HOST}"),
            (self.romeo, self.juliet, f"juliet@{HOST}", f"romeo@{HOST}"),
        ):
            asker.type(f"/sub request {address}")
            asker.expect(f"Sent subscription request to {address}")
            asked.expect(f"Received authorization request from {asker_address}")
            asked.type(f"/sub allow {asker_address}")
            asked.expect(f"Accepted subscription for {asker_address}")
            asker.expect(f"Subscription received from {address}")

    def test_roster_and_presence(self) -> None:
        self.juliet.type(f"/roster add romeo@{HOST} Montague")
        self.juliet.expect(f"Roster item added: romeo@{HOST} (Montague)")
        self.befriend()
        self.juliet.expect("++ Montague (profanity")
        self.romeo.expect(f"++ juliet@{HOST} (profanity")
        self.juliet.type("/roster")
        self.juliet.expect(f"romeo@{HOST} (Montague) - both")
        self.romeo.type("/status set away Asleep")
        self.juliet.expect('is away, "Asleep"')
        self.romeo.type("/disconnect")
        self.juliet.expect("-- Montague (profanity")

    def test_a_subscription_that_is_refused(self) -> None:
        self.juliet.type(f"/sub request romeo@{HOST}")
        self.romeo.expect(f"Received authorization request from juliet@{HOST}")
        self.romeo.type(f"/sub deny juliet@{HOST}")
        self.juliet.expect(f"romeo@{HOST} deleted subscription")
        self.juliet.type("/roster")
        self.juliet.expect(f"romeo@{HOST} - none")

    def test_offline_messages(self) -> None:
        """They come in order, once."""
        self.romeo.type("/disconnect")
        self.romeo.expect("logged out successfully")
        words = ("O Romeo, Romeo!", "Wherefore art thou Romeo?")
        for text in words:
            self.juliet.type(f"/msg romeo@{HOST} {text}")
            self.juliet.expect(f"me: {text}")
        self.connect_as(self.romeo, "romeo")
        self.romeo.expect(f"chat message: juliet@{HOST}")
        self.romeo.type("/win 2")
        self.romeo.expect(words[1])
        shown = self.romeo.shown()
        self.assertLess(shown.index(words[0]), shown.index(words[1]))
        for text in words:
            self.assertEqual(shown.count(text), 1, shown)
