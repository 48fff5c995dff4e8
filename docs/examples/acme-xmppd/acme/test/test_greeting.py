"""The greeting, on a host without sockets."""

from twisted.trial.unittest import SynchronousTestCase

from acme.greeting import GREETING, Greeting, GreetingSettings
from xmppd.testing.fake_host import FakeHost

TO_BALCONY = """
    <message type='chat' id='{id}' from='example.org' to='juliet@example.org/balcony'>
      <body>Hello.</body>
    </message>
"""


class GreetingTests(SynchronousTestCase):
    """`Greeting`."""

    def setUp(self) -> None:
        self.host = FakeHost()
        self.host.load(Greeting, GreetingSettings("Hello."))

    def test_the_first_login_and_no_other(self) -> None:
        juliet = self.host.login("juliet/balcony")
        self.host.turn()  # what was stored in this turn is committed
        juliet.receives(TO_BALCONY.format(id="token1"))
        self.host.login("juliet/garden")
        self.host.turn()
        self.assertEqual(self.host.unread(), {})

    def test_nobody_is_greeted_who_might_be_greeted_again(self) -> None:
        self.host.add_account("juliet")
        self.host.storage.fail_next_commit()
        juliet = self.host.login("juliet/balcony")
        self.host.turn()
        self.assertEqual(juliet.closed_with, "internal-server-error")
        self.assertEqual(self.host.unread(), {})

    def test_asking(self) -> None:
        juliet = self.host.login("juliet/balcony")
        self.host.turn()
        self.host.unread()
        juliet.sends(f"<iq type='get' id='1'><greeting xmlns='{GREETING}'/></iq>")
        juliet.receives(f"""
            <iq type='result' id='1' from='juliet@example.org' to='juliet@example.org/balcony'>
              <greeting xmlns='{GREETING}'>Hello.</greeting>
            </iq>
        """)
