"""Credentials and collaborators by which mechanisms and user stores meet (twisted.cred).

A SASL mechanism makes credentials; a user store is an `ICredentialsChecker` that says which kinds
of credentials it can check. Mechanisms whose credentials no checker of a host takes are not
offered there.
"""

from twisted.cred.credentials import ICredentials
from twisted.cred.error import LoginDenied, LoginFailed
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from xmppd.sasl.exchange import Facts, ScramKeys


class AccountDisabled(LoginDenied):
    """The account is disabled; raised only for credentials that are right."""


class CredentialsExpired(LoginFailed):
    """The credentials were right once and have to be renewed by other means."""


class IScramCredentials(ICredentials):
    """A finished SCRAM exchange (RFC 5802)."""

    username: bytes = Attribute("the prepared localpart, UTF-8")
    hash: str = Attribute('the hash, "SHA-256"')

    def check_keys(keys: ScramKeys) -> bool:
        """Tell whether the client's proof holds for these keys; remembers the server signature."""


class ICertificateCredentials(ICredentials):
    """A client certificate, verified, that speaks for a user (XEP-0178)."""

    username: bytes = Attribute("the prepared localpart, UTF-8")


class ICredentialsFactory(Interface):
    """Makes twisted.cred credentials of what an exchange found out (see `MechanismMaker`)."""

    def __call__(facts: Facts) -> ICredentials:
        """Return the credentials for those facts."""


class IScramKeys(Interface):
    """Finds the SCRAM keys an exchange needs before the client can prove anything."""

    def lookup(username: str, hash: str) -> "Deferred[ScramKeys]":
        """Fire with the user's keys; an unknown user gets made-up ones, the same each time."""

    def complete(hash: str) -> "Deferred[bool]":
        """Fire with whether everybody on the host can log in with that hash."""


class IAccount(Interface):
    """What a login yields: the avatar the session belongs to."""

    localpart: str = Attribute("the account's localpart, prepared")
    anonymous: bool = Attribute("whether the account lives only as long as its session")
    created: float | None = Attribute(
        "when it was created (seconds since 1970), by which it differs from an account deleted "
        "before it; None if anonymous"
    )


class IPasswords(Interface):
    """Makes and changes the accounts of a host whose passwords we keep (as SCRAM keys only).

    A host provides this to its features (see `IHost.find`). Passwords are str, prepared here by
    SASLprep (RFC 4013); what is promised is kept once the Deferred has fired.
    """

    sole: bool = Attribute(
        "whether all users of the host are found here: else a name that has no account yet may be "
        "that of somebody whom another user store knows"
    )

    def create(localpart: str, password: str) -> "Deferred[str]":
        """Create an account and fire with its prepared localpart.

        Fails with `AccountExists`, or with `ValueError` if the localpart or password cannot be.
        """

    def set_password(localpart: str, password: str) -> "Deferred[None]":
        """Change a password. Fails with `KeyError` if there is no such account, or `ValueError`."""

    def check_password(localpart: str, password: str) -> "Deferred[bool]":
        """Tell whether that is the account's password; False for an unknown account."""

    def delete(localpart: str) -> "Deferred[None]":
        """Delete an account and all its data. Fails with `KeyError` if there is none."""
