"""RFC 6121 4.3.2 and 4.6.6 on the wire: every case, from another server and from clients here."""

from twisted.trial.unittest import SynchronousTestCase

from tests.im.house import ONE_HOST, TWO_HOSTS, TWO_SERVERS
from tests.im.probe_table import cases, rows
from tests.im.probes import Wrong, applies, carry_out


class ProbeTests(SynchronousTestCase):
    """Every case by itself; all that are wrong are told."""

    def every_case(self, where: str, at_least: int) -> None:
        wrong, done = [], 0
        for row in rows():
            for case in cases(row):
                if applies(case, where):
                    done += 1
                    try:
                        carry_out(case, where)
                    except Wrong as error:
                        wrong.append(str(error))
        self.assertGreater(done, at_least)
        self.assertFalse(wrong, "\n\n".join([f"{len(wrong)} of {done} cases", *wrong]))

    def test_from_another_server(self) -> None:
        self.every_case(TWO_SERVERS, 250)

    def test_from_the_same_host(self) -> None:
        self.every_case(ONE_HOST, 200)

    def test_from_a_host_beside(self) -> None:
        self.every_case(TWO_HOSTS, 200)
