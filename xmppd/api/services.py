"""Services: entities inside the server that answer for a domain of their own.

A feature returns a `Serve` record (`xmppd.api.registrations`) for each, and the host has the router
bring the domain's stanzas to it: group chat, publish-subscribe, file upload, bots.
"""

from typing import Any

from zope.interface import Interface

from xmppd.stanza import prep
from xmppd.stanza.stanza import Stanza


class IService(Interface):
    """Takes what is sent to a domain."""

    def receive(stanza: Stanza) -> Any:
        """Take a stanza to any address of the domain; `to` and `from_` are set, `from_` is proven.

        Does not see what others have answered before: requests to the bare domain that a feature
        handles at `SERVICE` (ping, version, service discovery), and answers to requests made by
        `IHost.request`.

        Returns None when done, or an awaitable that is waited for before the sender's next stanza
        is looked at. May raise, or fail with, `StanzaError`, which the sender is answered. A
        request has to be answered: by a stanza that is routed, or by an error. Any other exception
        is logged under the feature's name and answered `internal-server-error`.
        """


def service_domain(name: str, host: str) -> str:
    """Return the domain of a service of `host`, as an operator names it, in normal form.

    A name of one label stands for a subdomain of the host ("conference" for
    "conference.example.org"), "{host}" in a name for the host's domain; anything else is a domain
    as it is. Raises `ValueError`, one sentence for the operator, for what is no domain or is the
    host itself.
    """
    whole = name if "." in name or "{host}" in name else f"{name}.{{host}}"
    try:
        domain = prep.domainpart(whole.replace("{host}", host))
    except prep.PrepError as error:
        raise ValueError(f"{name!r} cannot be the domain of a service: {error}") from None
    if domain == host:
        raise ValueError(f"{name!r} is the host itself and cannot be a service's as well")
    return domain
