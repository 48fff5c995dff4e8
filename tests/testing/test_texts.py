"""Stanzas as XML text."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.testing.texts import normal, read_stanzas


class ReadTests(SynchronousTestCase):
    """`read_stanzas`."""

    def test_as_many_as_there_are(self) -> None:
        text = """
            <message to='a@example.org'><body>Hi</body></message>
            <presence/>
            <iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>
        """
        self.assertEqual(["message", "presence", "iq"], [each.kind for each in read_stanzas(text)])
        self.assertEqual([], read_stanzas(" "))

    def test_what_no_stream_takes(self) -> None:
        table = [
            ("<message>", "not-well-formed"),
            ("<message/><presence", "not-well-formed"),
            ("text", "bad-format"),
            ("<!-- comment -->", "restricted-xml"),
            ("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "something else than stanzas"),
        ]
        for text, why in table:
            error = self.assertRaises(ValueError, read_stanzas, text)
            self.assertIn(why, str(error))


class NormalTests(SynchronousTestCase):
    """`normal`."""

    def test_what_makes_no_difference(self) -> None:
        table = [
            ("<message to='b' from='a'/>", '<message from="a" to="b"></message>'),
            (
                "<message><body>a &#38; b</body></message>",
                "<message><body>a &amp; b</body></message>",
            ),
            (
                "<iq><query xmlns='urn:q'><a/></query></iq>",
                "<iq><q:query xmlns:q='urn:q'><q:a/></q:query></iq>",
            ),
            ("<iq><a/><b>  </b></iq>", "\n<iq>\n  <a/>\n  <b>  </b>\n</iq>\n"),
            ("<presence xml:lang='en'/>", '<presence xml:lang="en"/>'),
        ]
        for one, other in table:
            self.assertEqual(normal(one), normal(other))

    def test_what_does(self) -> None:
        table = [
            ("<message/>", "<message to='b'/>"),
            ("<message><body>a</body></message>", "<message><body> a</body></message>"),
            ("<message><body> </body></message>", "<message><body/></message>"),
            ("<iq><a/><b/></iq>", "<iq><b/><a/></iq>"),
            ("<iq><a/></iq>", "<iq><a xmlns='urn:a'/></iq>"),
            ("<iq><a>1<b/></a></iq>", "<iq><a><b/></a></iq>"),
        ]
        for one, other in table:
            self.assertNotEqual(normal(one), normal(other))

    def test_stanzas(self) -> None:
        text = "<iq from='a' id='1' to='b'><p:ping xmlns:p='urn:xmpp:ping'/></iq>"
        [stanza] = read_stanzas(text)
        self.assertEqual(normal(text), normal(stanza))
        self.assertEqual(
            '<iq from="a" id="1" to="b"><ping xmlns="urn:xmpp:ping"/></iq>', normal(text)
        )
