"""What clients can do, as far as they have said (XEP-0115)."""

from collections.abc import Callable

from zope.interface import Interface

from xmppd.stanza.jid import JID

Known = Callable[[JID, frozenset[str]], None]
"""Called with the full JID of a client and the features it has."""


class ICaps(Interface):
    """The capabilities of clients: of this host's own, and of contacts' elsewhere.

    A contact's client is looked at while the user is online; either of them has a subscription to
    the presence of the other.
    """

    def features(jid: JID) -> frozenset[str] | None:
        """Return the features of the available client with that full JID; never waits.

        None while they are not known: the client has announced none, has not answered yet, or its
        answer is not what it has announced.
        """

    def watch(known: Known) -> None:
        """Call `known` whenever a client's features have become known, or are others than before.

        That is some time after the presence by which it announced them, or at once.
        """

    def unwatch(known: Known) -> None:
        """Stop calling `known`."""
