"""The domains of services, as operators name them."""

from twisted.trial.unittest import SynchronousTestCase

from xmppd.api.services import service_domain


class ServiceDomainTests(SynchronousTestCase):
    """`service_domain`."""

    def test_domains(self) -> None:
        for name, host, expected in (
            ("conference", "example.org", "conference.example.org"),
            ("Conference", "example.org", "conference.example.org"),
            ("conference", "localhost", "conference.localhost"),
            ("conference.{host}", "example.org", "conference.example.org"),
            ("rooms-{host}", "example.org", "rooms-example.org"),
            ("rooms.example.net", "example.org", "rooms.example.net"),
            ("r\u00e4ume", "example.org", "xn--rume-loa.example.org"),
        ):
            self.assertEqual(service_domain(name, host), expected)

    def test_what_is_none(self) -> None:
        for name, host, why in (
            ("", "example.org", "'' cannot be the domain of a service: "),
            ("a b", "example.org", "'a b' cannot be the domain of a service: "),
            ("rooms@example.org", "example.org", "'rooms@example.org' cannot be"),
            ("rooms", "192.0.2.1", "'rooms' cannot be the domain of a service: "),
            ("{host}", "example.org", "'{host}' is the host itself"),
            ("example.org", "example.org", "'example.org' is the host itself"),
        ):
            error = self.assertRaises(ValueError, service_domain, name, host)
            self.assertTrue(str(error).startswith(why), str(error))
