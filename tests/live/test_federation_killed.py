"""Two of our servers, one of which is killed in the middle of a conversation (RFC 6120 8.3)."""

from collections import Counter

from tests.live.conversation import Person
from tests.live.federation import EJABBERD, FederatedServer, FederationCase

SOON = "retry_seconds = 0.2\nretry_longest_seconds = 0.5"
MANY = 200
DOUBT = "before it was known whether this has arrived"

_KEEP = "<query xmlns='jabber:iq:private'><kept xmlns='urn:example'/></query>"


class KilledTests(FederationCase):
    """What a server has taken arrives once, or comes back once, or both where it cannot know."""

    def setUp(self) -> None:
        super().setUp()
        self.near, self.far = self.here(s2s=SOON), self.here(s2s=SOON, host=EJABBERD)
        self.run_all(self.near)
        self.started(self.far)
        self.far.add("juliet")
        self.sender, self.reader = self.juliet(self.near), self.juliet(self.far)
        for each in (self.sender, self.reader):
            each.arrive()
        self.sender.says(self.reader, self.reader.jid, "before")

    def test_the_senders(self) -> None:
        self.check(self.near, self.sender)

    def test_the_readers(self) -> None:
        self.check(self.far, self.reader)

    def check(self, victim: FederatedServer, who: Person) -> None:
        """Kill the server of one of them as soon as the sender's has taken everything."""
        ids = [f"m{number}" for number in range(MANY)]
        for id in ids:
            to = f"id='{id}' to='{self.reader.bare}' type='chat'"
            self.sender.client.ask("send", xml=f"<message {to}><body>{id}</body></message>")
        self.sender.client.ask("query", type="set", to="", payload=_KEEP)
        self.sender.client.expect("answer")  # behind them, and on disk with them
        heard = self.reader.client
        victim.kill()
        victim.start()
        who.again()
        self.sender.says(self.reader, self.reader.jid, "after")
        clients = {heard, self.reader.client}
        bodies = [said["body"] for client in clients for said in client.seen("message")]
        arrived = Counter(body for body in bodies if body in ids)
        for id in ids:
            if not arrived[id]:
                self.sender.client.expect("bounce", id=id)
        returned = self.sender.client.seen("bounce")
        once = Counter(each["id"] for each in returned)
        self.assertEqual({*arrived.values(), *once.values()}, {1}, (arrived, once))
        self.assertTrue(all(each["text"].endswith(DOUBT) for each in returned), returned)
        for server in (self.near, self.far):
            self.assertEqual({row["queued"] for row in server.do("s2s list")}, {0})
