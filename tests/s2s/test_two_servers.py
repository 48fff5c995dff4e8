"""Two whole servers and their users: what goes between them when all is well."""

from tests.s2s.world import CAPULET, MONTAGUE, WorldCase

JULIET, ROMEO = f"juliet@{CAPULET}", f"romeo@{MONTAGUE}"
HELLO = f"<message to='{ROMEO}' id='m1' type='chat'><body>Wherefore?</body></message>"


class ExternalTests(WorldCase):
    """Both prove themselves by certificates."""

    def setUp(self) -> None:
        super().setUp()
        for domain in (CAPULET, MONTAGUE):
            self.world.server(domain)
        self.juliet = self.world.login(f"{JULIET}/balcony")
        self.romeo = self.world.login(f"{ROMEO}/orchard")

    def test_a_message(self) -> None:
        self.romeo.sends("<presence/>")
        self.romeo.take()
        self.juliet.sends(HELLO)
        self.world.turn()
        self.romeo.receives(
            f"<message from='{JULIET}/balcony' to='{ROMEO}' id='m1' type='chat'>"
            "<body>Wherefore?</body></message>"
        )
        self.juliet.receives()
