"""Dates and times (XEP-0082)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.dates import format_datetime, parse_datetime

# 1969-07-21T02:56:15Z is the example of XEP-0082 section 3.2.
MOON = -14_159_025.0


class DateTests(SynchronousTestCase):
    """Written and read, to the millisecond."""

    def test_written(self) -> None:
        table = [
            (0.0, "1970-01-01T00:00:00Z"),
            (MOON, "1969-07-21T02:56:15Z"),
            (0.123, "1970-01-01T00:00:00.123Z"),
            (1_000_000_000.5, "2001-09-09T01:46:40.500Z"),
        ]
        for seconds, text in table:
            self.assertEqual(format_datetime(seconds), text)
            self.assertAlmostEqual(parse_datetime(text), seconds, places=3)

    def test_read(self) -> None:
        table = [
            ("1969-07-20T21:56:15-05:00", MOON),
            ("1969-07-21T02:56:15Z", MOON),
            ("1969-07-21T04:26:15+01:30", MOON),
            ("1970-01-01T00:00:00.5Z", 0.5),
            ("1970-01-01T00:00:00.123456789123Z", 0.123456),
        ]
        for text, seconds in table:
            self.assertAlmostEqual(parse_datetime(text), seconds, places=6, msg=text)

    def test_not_a_date(self) -> None:
        for text in (
            "",
            "1970-01-01",
            "1970-01-01T00:00:00",
            "1970-13-01T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00+24:00",
            "1970-01-01 00:00:00Z",
            "1970-01-01T00:00:00Z ",
            "\u0661970-01-01T00:00:00Z",
            "1970-01-01T00:00:00.Z",
        ):
            self.assertRaises(ValueError, parse_datetime, text)
