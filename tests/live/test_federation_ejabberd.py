"""Our server and ejabberd: what two people do, by each way in which servers prove themselves."""

from typing import Any

from tests.live.conversation import Person, converse
from tests.live.federation import EJABBERD, HERE, FederationCase
from tests.live.internet import CLIENT, SERVER

UNPROVEN = "require_valid_certificate = false"


class EjabberdTests(FederationCase):
    """Its settings are those of `FederatedEjabberd`, ours those of `FederatedServer`."""

    def people(
        self, there: dict[str, Any] | None = None, here: dict[str, Any] | None = None
    ) -> tuple[Person, Person]:
        self.there, self.ours = self.ejabberd(**there or {}), self.here(**here or {})
        self.run_all(self.ours, self.there)
        return self.juliet(self.ours), self.romeo(self.there)

    def test_certificates(self) -> None:
        """Those of today are for servers; with one that is for clients, too, EXTERNAL works."""
        usages = (SERVER, CLIENT)
        juliet, romeo = self.people(
            {"issued": self.internet.valid(EJABBERD, usages)},
            {"issued": self.internet.valid(HERE, usages)},
        )
        converse(romeo, juliet)
        self.assert_streams(self.ours, ("in", "certificate"), ("out", "certificate"))

    def test_certificates_for_servers_only(self) -> None:
        """COMPAT(ejabberd): it refuses ours for its purpose, closes the stream, takes dialback."""
        converse(*self.people())
        self.assert_streams(self.ours, ("in", "certificate"), ("out", "dialback"))
        self.there.expect("EXTERNAL authentication .* unsupported certificate purpose")
        *_, refused, last = self.explained(self.ours, EJABBERD)
        self.assertIn("does not accept our certificate (not-authorized)", refused[2])
        self.assertEqual(last, ("proving who we are", True, "dialback was accepted"))

    def test_dialback_alone(self) -> None:
        """Neither believes the other's authority."""
        other = self.internet.other_ca
        converse(*self.people({"ca": other}, {"ca": other, "s2s": UNPROVEN}))
        self.assert_streams(self.ours, ("in", "dialback"), ("out", "dialback"))

    def test_direct_tls(self) -> None:
        """Nothing else is found in the DNS (XEP-0368)."""
        converse(*self.people({"direct": True}, {"direct": True}))
        self.assert_streams(self.ours, ("in", "certificate"), ("out", "dialback"))
