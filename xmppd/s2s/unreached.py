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


class Cause(Enum):
    """Why a step has failed, where what can be done is not the same for all of a step."""

    NO_NAME = "there is no such name, or it has no address"
    NO_SERVICE = "the domain says that it has no server"
    NO_ANSWER = "the DNS servers that are asked do not answer, or not with anything of use"
    ALIASES = "the name stands for another one that leads nowhere"
    NOT_PUBLIC = "the DNS leads to addresses that may not be connected to"
    ONLY_IPV6 = "all addresses are of IPv6, and none of them could be connected to"
    NO_ENCRYPTION = "there is no TLS on offer"
    EXPIRED = "the certificate is out of date"
    EARLY = "the certificate is not in force yet"
    UNTRUSTED = "the certificate leads to nobody who is believed"
    MISNAMED = "the certificate is for somebody else"
    NOT_SERVED = "the server that was reached does not serve the domain"
    NOT_WELCOME = "the other server does not want this one"
    ELSEWHERE = "the other server sends us to a place where we do not go"
    NOT_NOW = "the other server cannot take more just now"
    NO_WAY_TO_PROVE = "the other server takes no proof that we have"
    NOT_CONFIRMED = "the server that others find for our domain is not this one"
    NOT_ASKED = "the other server cannot ask this one"


class Unreached(Exception):
    """A server cannot be sent anything.

    - `step`: what failed; `text`: a sentence without its stop that says why, to anybody.
    - `condition`: the stanza error for what was to be sent (RFC 6120 8.3.3).
    - `final`: whether to try the same again soon is of no use.
    - `cause`: why it failed, None where there is no more to say of it than of the step.
    """

    def __init__(
        self,
        step: Step,
        text: str,
        condition: str,
        *,
        final: bool = False,
        cause: Cause | None = None,
    ) -> None:
        super().__init__(text)
        self.step = step
        self.cause = cause
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
        condition, more = error.condition, error.text or see_other_host[:_SHOWN]
        said = f"{condition}: {more}" if more else condition
        super().__init__(
            Step.STREAM,
            f"the other server has refused the stream ({said})",
            _FINAL.get(condition, TIMEOUT),
            final=condition in _FINAL,
            cause=_CAUSES.get(condition),
        )
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

_SHOWN = 80  # characters of what another server says about where to go

_CAUSES = {
    "host-unknown": Cause.NOT_SERVED,
    "host-gone": Cause.NOT_SERVED,
    "invalid-from": Cause.NOT_WELCOME,
    "not-authorized": Cause.NOT_WELCOME,
    "policy-violation": Cause.NOT_WELCOME,
    "see-other-host": Cause.ELSEWHERE,
    "resource-constraint": Cause.NOT_NOW,
    "system-shutdown": Cause.NOT_NOW,
    "reset": Cause.NOT_NOW,
}

_FINAL = {
    "host-unknown": NOT_FOUND,
    "host-gone": NOT_FOUND,
    "invalid-from": TIMEOUT,
    "not-authorized": TIMEOUT,
    "policy-violation": TIMEOUT,
    "unsupported-version": NOT_FOUND,
}
"""Stream errors after which it is of no use to try again soon, and what senders are told."""
