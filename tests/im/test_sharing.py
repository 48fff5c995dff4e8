"""RFC 6121 8.5.3.1 on the wire: requests to full JIDs, by whether presence is shared."""

from twisted.trial.unittest import SynchronousTestCase

from tests.im.house import ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.sharing import Wrong, applies, carry_out
from tests.im.sharing_table import requests, rows


class SharingTests(SynchronousTestCase):
    """Every request by itself; all that are wrong are told."""

    def every_request(self, where: str) -> None:
        wrong, done = [], 0
        for row in rows():
            for request in requests(row):
                if applies(request, where):
                    done += 1
                    try:
                        carry_out(request, where)
                    except Wrong as error:
                        wrong.append(str(error))
        self.assertGreater(done, 30)
        self.assertFalse(wrong, "\n\n".join([f"{len(wrong)} of {done} requests", *wrong]))

    def test_from_another_server(self) -> None:
        self.every_request(TWO_SERVERS)

    def test_from_the_same_host(self) -> None:
        self.every_request(ONE_HOST)

    def test_from_a_host_beside(self) -> None:
        self.every_request(TWO_HOSTS)
