"""Requests of clients that have not logged in, answered by features (RFC 6120 4.9.3.12, XEP-0077).

There is no session and no router yet, so that errors are written here.
"""

from dataclasses import dataclass
from inspect import isawaitable

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from xmppd.api.registrations import HandleBeforeLogin, StreamContext
from xmppd.c2s.hosts import ClientHost
from xmppd.stanza.errors import StanzaError, error_reply
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Iq, Stanza

_log = Logger()


@dataclass(frozen=True, slots=True)
class Handler:
    """A feature's handler for the request a client has made."""

    feature: str
    record: HandleBeforeLogin
    iq: Iq

    async def answer(self, stream: StreamContext) -> Iq:
        """Return the answer. A crash of the feature is logged under its name."""
        iq = self.iq
        try:
            payload = self.record.handler(stream, iq.child_element(iq.children[0]))
            return iq.result(await payload if isawaitable(payload) else payload)
        except StanzaError as error:
            return error_reply(iq, error)
        except CancelledError:
            raise
        except Exception:
            where = f"IQ {self.record.type} {self.record.ns} before login"
            _log.failure("{feature} failed at {where}", feature=self.feature, where=where)
            return error_reply(iq, StanzaError("internal-server-error"))


def handler_of(host: ClientHost, stanza: Stanza) -> Handler | None:
    """Return the handler of a request, None for all that is not to be answered before login.

    Requests are for the host, and from nobody: an address would be one that nobody has proven.
    """
    if not isinstance(stanza, Iq) or stanza.malformed or stanza.from_ is not None:
        return None
    if stanza.to not in (None, JID.make("", host.domain)):
        return None
    if not stanza.is_request or not stanza.id or len(stanza.children) != 1:
        return None
    found = host.before_login(stanza.type, stanza.children[0][0])
    return None if found is None else Handler(*found, stanza)
