"""The server stops: `system-shutdown` for everybody, then the closing handshake."""

from tests.c2s.house import HouseCase, Setup
from tests.c2s.texts import opening
from tests.net import pairs
from xmppd.c2s.protocol import ClientProtocol
from xmppd.stream.errors import StreamError


class ShutdownTests(HouseCase):
    """`Server.stop` as clients see it."""

    setup = Setup(tls=True)

    def test_every_stream_is_told(self) -> None:
        house = self.house
        silent, greeted, secure = house.connect(), house.connect(), house.connect()
        greeted.opens()
        secure.starts_tls()
        bound = house.connect(direct=pairs.Client())
        bound.logs_in()
        bound.binds()
        done: list[None] = []
        house.server.stop().addCallback(done.append)
        house.turn()
        for client in (silent, greeted, secure, bound):
            client.fails_with("system-shutdown")
        for client in (silent, secure):
            client.sends(opening())  # they close the stream they have not opened yet
        for client in (silent, greeted, secure, bound):
            client.closes()
        self.assertEqual([client.lost for client in (silent, greeted)], [True, True])
        self.assertEqual([client.notified for client in (secure, bound)], [True, True])
        self.assertEqual(done, [])
        house.passes(8)
        self.assertEqual(done, [None])
        self.assertEqual([client.lost for client in (secure, bound)], [True, True])

    def test_it_does_not_wait_for_ever(self) -> None:
        clients = [self.house.connect() for _ in range(3)]
        done: list[None] = []
        self.house.server.stop().addCallback(done.append)
        self.house.passes(8)
        self.assertEqual(done, [None])
        self.assertEqual([client.lost for client in clients], [True] * 3)

    def test_nobody_is_admitted_any_more(self) -> None:
        self.house.server.stop()
        for how in ({}, {"direct": pairs.Client()}):
            late = self.house.connect(**how)
            self.assertTrue(late.lost)
            self.assertEqual(late.raw, b"")
        self.assertEqual(len(self.house.clients), 0)

    def test_one_that_cannot_be_told_keeps_up_nobody(self) -> None:
        first, second = self.house.connect(), self.house.connect()
        broken, fail = first.protocol, ClientProtocol.fail

        def fail_or_break(self: ClientProtocol, error: StreamError) -> None:
            if self is broken:
                raise ZeroDivisionError
            fail(self, error)

        self.patch(ClientProtocol, "fail", fail_or_break)
        self.house.clients.stop()
        self.house.turn()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertTrue(first.lost)
        second.fails_with("system-shutdown")
