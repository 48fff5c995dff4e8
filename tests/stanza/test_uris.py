"""Which texts are URIs that can be shown to people (RFC 3986, RFC 6068, RFC 5122)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.stanza.uris import check_uri

SCHEMES = ("https", "mailto", "xmpp", "tel")


class UriTests(SynchronousTestCase):
    """`check_uri`."""

    def test_taken(self) -> None:
        for text in (
            "https://status.example.org",
            "HTTPS://[::1]:8080/a?b=c#d",
            "mailto:xmpp@example.org",
            "mailto:xmpp%2Btest@example.org?subject=Hello%20there",
            "xmpp:admins@example.org",
            "xmpp:example.org?message",
            "xmpp:nurse%25@example.org",
            "tel:+1-201-555-0123",
        ):
            check_uri(text, SCHEMES)

    def test_of_no_scheme_wanted(self) -> None:
        for text in (
            "",
            "xmpp@example.org",
            "https",
            "http://example.org",
            "javascript:alert(1)",
            "mailto:",
            "mailto:a b@example.org",
            "mailto:ä@example.org",
            "https://example.org/%zz",
            "https://example.org\n",
            " https://example.org",
        ):
            error = self.assertRaises(ValueError, check_uri, text, SCHEMES)
            self.assertEqual(
                str(error),
                f"{text!r} is no URI that begins with https:, mailto:, xmpp: or tel:",
            )
        error = self.assertRaises(ValueError, check_uri, "x", ("https",))
        self.assertEqual(str(error), "'x' is no URI that begins with https:")

    def test_of_nobody(self) -> None:
        for text in (
            "https:example.org",
            "https:///path",
            "https://[::1",
            "mailto:example.org",
            "mailto:?to=a@b",
            "mailto:a%20b@example.org",
            "xmpp:@example.org",
            "xmpp:?message",
        ):
            error = self.assertRaises(ValueError, check_uri, text, SCHEMES)
            self.assertEqual(str(error), f"{text!r} names nobody who could be reached")
