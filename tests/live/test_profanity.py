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


class ProfanityTests(ClientCase):
    """juliet uses profanity, romeo slixmpp."""

    def setUp(self) -> None:
        require(shutil.which("profanity") is not None, "profanity")
        require(tmux_is_there(), "tmux")
        self.running = self.server()
        self.running.add("juliet", "romeo")
        self.screen = Screen(self.folder(), "profanity")
        self.addCleanup(self.screen.end)
        self.screen.expect("Type '/help' to show complete help.")

    def trust(self, ca: Path) -> None:
        """Have profanity believe that authority and no other."""
        folder = directory_of(ca, self.folder())
        self.screen.type(f"/tls certpath set {folder}")
        self.screen.expect(f"Certificate path set to: {folder}")

    def log_in(self, tls: str, port: int) -> None:
        """Make an account in profanity, and log in with it."""
        self.screen.type("/account add verona")
        self.screen.expect("Account created.")
        for setting, value in (
            ("jid", f"juliet@{HOST}"),
            ("server", self.running.address),
            ("port", str(port)),
            ("tls", tls),
        ):
            self.screen.type(f"/account set verona {setting} {value}")
            self.screen.expect(f"account verona: {value}")
        self.screen.type("/connect verona")
        self.screen.expect("Enter password:")
        self.screen.type("juliet")

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
        self.trust(self.running.ca)
        self.log_in("force", self.running.port)
        self.chat()

    def test_direct_tls(self) -> None:
        self.trust(self.running.ca)
        self.log_in("legacy", self.running.tls_port)  # its word for it
        self.chat()

    def test_the_authority_is_not_trusted_untold(self) -> None:
        self.log_in("force", self.running.port)
        self.screen.expect("TLS certificate verification failed")
        self.screen.expect("xmppd development authority")
        self.assertEqual(self.running.do("session list"), [])
        self.screen.type("/tls allow")
        self.chat()

    def test_a_wrong_password(self) -> None:
        self.trust(self.running.ca)
        self.running.do("user password", address=f"juliet@{HOST}", password="changed")
        self.log_in("force", self.running.port)
        self.screen.expect("Login failed.")
