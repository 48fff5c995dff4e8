"""Contact Addresses for XMPP Services (XEP-0157)."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.registrations import HOST, OWN_ACCOUNT
from xmppd.modules.contacts import Contacts, ContactsSettings
from xmppd.modules.disco import Disco
from xmppd.testing.fake_host import FakeHost
from xmppd.testing.texts import normal
from xmppd.wire.namespaces import DISCO_INFO


class ContactsTests(SynchronousTestCase):
    """What everybody is shown, and what cannot be configured."""

    def shown(self, *settings: ContactsSettings) -> str:
        """Return the form in the host's disco#info, "" if there is none."""
        host = FakeHost()
        host.load(Disco)
        host.load(Contacts, *settings)
        romeo = host.remote("romeo@example.net/orchard")
        romeo.sends(f"<iq type='get' id='1' to='example.org'><query xmlns='{DISCO_INFO}'/></iq>")
        [answer] = romeo.take()
        return answer[answer.find("<x") :].partition("</query>")[0] if "<x" in answer else ""

    def test_nothing_to_show(self) -> None:
        self.assertEqual("", self.shown())
        self.assertEqual("", self.shown(ContactsSettings()))

    def test_shown(self) -> None:
        settings = ContactsSettings(
            abuse=("mailto:abuse@shakespeare.lit", "xmpp:abuse@shakespeare.lit"),
            status=("https://status.shakespeare.lit",),
        )
        self.assertEqual(
            self.shown(settings),
            normal(
                "<x xmlns='jabber:x:data' type='result'>"
                "<field var='FORM_TYPE' type='hidden'>"
                "<value>http://jabber.org/network/serverinfo</value></field>"
                "<field var='abuse-addresses'><value>mailto:abuse@shakespeare.lit</value>"
                "<value>xmpp:abuse@shakespeare.lit</value></field>"
                "<field var='status-addresses'><value>https://status.shakespeare.lit</value>"
                "</field></x>"
            ),
        )

    def test_every_kind(self) -> None:
        kinds = ("abuse", "admin", "feedback", "sales", "security", "status", "support")
        for kind in kinds:
            form = self.shown(ContactsSettings(**{kind: ("https://example.org/",)}))
            self.assertIn(f'var="{kind}-addresses"', form)
            self.assertRaises(ValueError, ContactsSettings, **{kind: ("xmpp@example.org",)})

    def test_accounts_have_none(self) -> None:
        host = FakeHost()
        host.load(Contacts, ContactsSettings(sales=("xmpp:bard@shakespeare.lit",)))
        self.assertEqual(1, len(host.extensions(HOST)))
        self.assertEqual((), host.extensions(OWN_ACCOUNT))
