"""Our server and Prosody: what two people do, by each way in which servers prove themselves."""

from typing import Any

from tests.live.conversation import Person, converse
from tests.live.federation import FederationCase

UNPROVEN = "require_valid_certificate = false"
BIDI = ("dialback", "s2s_bidi", "smacks")


class ProsodyTests(FederationCase):
    """Its settings are those of `FederatedProsody`, ours those of `FederatedServer`."""

    def people(
        self, there: dict[str, Any] | None = None, here: dict[str, Any] | None = None
    ) -> tuple[Person, Person]:
        self.there, self.ours = self.prosody(**there or {}), self.here(**here or {})
        self.run_all(self.ours, self.there)
        return self.juliet(self.ours), self.romeo(self.there)

    def test_certificates(self) -> None:
        """Those of today, for servers and not for clients, are proof enough."""
        converse(*self.people())
        self.assert_streams(self.ours, ("in", "certificate"), ("out", "certificate"))

    def test_counted_stanzas(self) -> None:
        """Stream management (XEP-0198), on both streams."""
        converse(*self.people({"modules": ("dialback", "smacks")}))
        self.assert_streams(self.ours, ("in", "certificate"), ("out", "certificate"))
        for direction in ("in", "out"):
            self.there.expect(f"s2s{direction}.*: <enabled? xmlns='urn:xmpp:sm:3'")

    def test_dialback_between_servers_with_certificates(self) -> None:
        converse(*self.people({"modules": ("dialback", "no_external")}))
        self.assert_streams(self.ours, ("in", "dialback and certificate"), ("out", "dialback"))

    def test_dialback_alone(self) -> None:
        """Neither believes the other's authority."""
        other = self.internet.other_ca
        converse(*self.people({"ca": other, "secure_auth": False}, {"ca": other, "s2s": UNPROVEN}))
        self.assert_streams(self.ours, ("in", "dialback"), ("out", "dialback"))

    def test_direct_tls(self) -> None:
        """Nothing else is found in the DNS (XEP-0368)."""
        converse(*self.people({"direct": True}, {"direct": True}))
        self.assert_streams(self.ours, ("in", "certificate"), ("out", "certificate"))

    def test_one_connection_for_both_ways_from_here(self) -> None:
        juliet, romeo = self.people({"modules": BIDI})
        converse(juliet, romeo)
        self.assert_streams(self.ours, ("both", "certificate"))

    def test_one_connection_for_both_ways_from_there(self) -> None:
        juliet, romeo = self.people({"modules": BIDI})
        converse(romeo, juliet)
        self.assert_streams(self.ours, ("both", "certificate"))
