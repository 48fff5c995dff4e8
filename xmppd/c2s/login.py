"""SASL on a client's stream (RFC 6120 section 6): elements in, elements out."""

import base64
from collections.abc import Callable
from dataclasses import dataclass

from twisted.logger import Logger

from xmppd.api.auth import IAccount
from xmppd.auth.attempt import Attempt
from xmppd.auth.doorkeeper import Success
from xmppd.auth.portal import Authenticator
from xmppd.sasl.exchange import Challenge, Condition, Failed, SaslContext
from xmppd.stream.errors import StreamError
from xmppd.wire.element import Element
from xmppd.wire.namespaces import SASL, XML_LANG

_log = Logger()


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The client is who it says it is.

    `logout` does not raise, and does nothing after the first call; `success` is the element to
    tell the client.
    """

    account: IAccount
    logout: Callable[[], None]
    success: Element


class Login:
    """The attempts of one stream to log in.

    - `context`: the stream, with what was offered on it.
    - `failures`: how many attempts have come to nothing, those given up by the client included.
    """

    __slots__ = ("_address", "_attempt", "_authenticator", "context", "failures")

    def __init__(
        self, authenticator: Authenticator, context: SaslContext, address: str, failures: int
    ) -> None:
        self._authenticator = authenticator
        self._address = address
        self._attempt: Attempt | None = None
        self.context = context
        self.failures = failures

    async def answer(self, element: Element) -> Element | LoggedIn:
        """Answer a client's SASL element.

        Raises `StreamError` for one that no client sends.
        """
        match element.name:
            case "auth":
                return await self._auth(element)
            case "response":
                return await self._response(element)
            case "abort":
                return self._abort()
        raise StreamError("unsupported-stanza-type")

    def abandon(self) -> None:
        """Give up the attempt under way, if there is one."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.abort()

    async def _auth(self, element: Element) -> Element | LoggedIn:
        """Begin a new attempt, whatever became of the last one (RFC 6120 6.4.2)."""
        if self._attempt is not None:
            self.failures += 1
            self.abandon()
        name = element.attrs.get("mechanism", "")
        begun = self._authenticator.begin(name, self.context, self._address)
        if isinstance(begun, Failed):
            return self._failure(begun)
        self._attempt = begun
        return await self._step(begun, element.text, initial=True)

    async def _response(self, element: Element) -> Element | LoggedIn:
        if self._attempt is None:
            return self._failure(Failed(Condition.MALFORMED_REQUEST, "there is nothing to answer"))
        return await self._step(self._attempt, element.text, initial=False)

    def _abort(self) -> Element:
        """RFC 6120 6.4.4."""
        self.abandon()
        return self._failure(Failed(Condition.ABORTED))

    async def _step(self, attempt: Attempt, text: str, *, initial: bool) -> Element | LoggedIn:
        try:
            data = _decode(text, initial=initial)
        except ValueError:
            self.abandon()
            return self._failure(Failed(Condition.INCORRECT_ENCODING))
        outcome = await attempt.step(data)
        if isinstance(outcome, Challenge):
            return _with_data("challenge", base64.b64encode(outcome.data).decode())
        self._attempt = None
        if isinstance(outcome, Success):
            return LoggedIn(outcome.account, _guarded(outcome.logout), _success(outcome.data))
        return self._failure(outcome)

    def _failure(self, failed: Failed) -> Element:
        self.failures += 1
        failure = Element("failure", SASL)
        failure.add(failed.condition.value)
        if failed.text:
            failure.add("text", SASL, failed.text).attrs[XML_LANG] = "en"
        return failure


def _guarded(logout: Callable[[], None]) -> Callable[[], None]:
    """Return a logout that logs what a realm of somebody else's raises in it."""

    def log_out() -> None:
        try:
            logout()
        except Exception:
            _log.failure("logging out failed")

    return log_out


def _success(data: bytes | None) -> Element:
    """Return `<success/>`; data of no length stands there as an equals sign (RFC 6120 6.4.6)."""
    if data is None:
        return Element("success", SASL)
    return _with_data("success", base64.b64encode(data).decode() or "=")


def _with_data(name: str, text: str) -> Element:
    return Element(name, SASL, {}, [text] if text else [])


def _decode(text: str, *, initial: bool) -> bytes | None:
    """Decode the content of an element (RFC 6120 6.4.2, 6.4.3, 13.9.1). Raises `ValueError`."""
    if not text:
        return None if initial else b""
    if text == "=":
        return b""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("padding that is not canonical")
    return data
