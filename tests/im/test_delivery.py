"""RFC 6121 8.5 on the wire with the shipped features: what the table may keep is kept, once."""

from twisted.trial.unittest import SynchronousTestCase

from tests.im.delivery import Wrong, carry_out
from tests.routing.delivery_table import cases


class DeliveryTests(SynchronousTestCase):
    """Every case by itself; all that are wrong are told."""

    def test_every_case(self) -> None:
        wrong, kept = [], 0
        for case in cases():
            try:
                kept += carry_out(case) == "store"
            except Wrong as error:
                wrong.append(str(error))
        self.assertFalse(wrong, "\n".join([f"{len(wrong)} cases", *wrong]))
        self.assertGreater(kept, 20)
