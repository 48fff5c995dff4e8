"""Why another server cannot be sent anything: for senders, for operators, for other servers."""

from enum import Enum

from xmppd.stanza.errors import ErrorType, StanzaError
from xmppd.stream.errors import StreamError


class Step(Enum):
    """On the way to another server, the step that failed; the value names it to an operator."""

    POLICY = "what this server admits"
    LOOKUP = "finding the server"
    CONNECT = "connecting"
    TLS = "TLS"
    CERTIFICATE = "the certificate"
    STREAM = "the stream"
    PROOF = "proving who we are"


class Unreached(Exception):
    """A server cannot be sent anything.

    - `step`: what failed; `text`: a sentence without its stop that says why, to anybody.
    - `condition`: the stanza error for what was to be sent (RFC 6120 8.3.3).
    - `final`: whether to try the same again soon is of no use.
    """

    def __init__(self, step: Step, text: str, condition: str, *, final: bool = False) -> None:
        super().__init__(text)
        self.step = step
        self.text = "".join(each if each.isprintable() else "\ufffd" for each in text)
        self.condition = condition
        self.final = final

    def error(self) -> StanzaError:
        """Return the error for a stanza that cannot be sent."""
        kind = ErrorType.CANCEL if self.final else ErrorType.WAIT
        return StanzaError(self.condition, self.text, type=kind)


class Refused(Unreached):
    """The other server has ended the stream with an error.

    - `see_other_host`: where it sends us, "" for nowhere; `secure`: whether it was proven to be the
      one that says so.
    """

    def __init__(self, error: StreamError, see_other_host: str = "", *, secure: bool) -> None:
        final = error.condition in _FINAL
        said = f"{error.condition}: {error.text}" if error.text else error.condition
        text = f"the other server has refused the stream ({said})"
        super().__init__(Step.STREAM, text, _FINAL.get(error.condition, TIMEOUT), final=final)
        self.see_other_host = see_other_host
        self.secure = secure


class HandshakeFailed(Unreached):
    """TLS could not be begun; without our certificate it might."""

    def __init__(self, text: str) -> None:
        super().__init__(Step.TLS, text, TIMEOUT)


class NotAccepted(Unreached):
    """The other server does not take our certificate for a proof; dialback may do."""

    def __init__(self, text: str) -> None:
        super().__init__(Step.PROOF, text, TIMEOUT, final=True)


def bare(error: BaseException) -> None:
    """Take from an error, and those it comes from, the frames they passed, which hold streams."""
    seen: BaseException | None = error
    while seen is not None:
        seen.__traceback__ = None
        seen = seen.__context__


NOT_FOUND = "remote-server-not-found"
TIMEOUT = "remote-server-timeout"
"""Also where a server cannot be authenticated, or is too weakly protected (RFC 6120 8.3.3.17)."""

_FINAL = {
    "host-unknown": NOT_FOUND,
    "host-gone": NOT_FOUND,
    "invalid-from": TIMEOUT,
    "not-authorized": TIMEOUT,
    "policy-violation": TIMEOUT,
    "unsupported-version": NOT_FOUND,
}
"""Stream errors after which it is of no use to try again soon, and what senders are told."""
