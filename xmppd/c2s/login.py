"""SASL on a client's stream (RFC 6120 section 6): elements in, elements out."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from xmppd.api.auth import IAccount
from xmppd.auth.attempt import Attempt
from xmppd.auth.gate import Success
from xmppd.auth.portal import Authenticator
from xmppd.sasl.binding import announced
from xmppd.sasl.exchange import Challenge, Condition, Failed, SaslContext
from xmppd.wire.element import Element
from xmppd.wire.namespaces import CHANNEL_BINDINGS, SASL, XML_LANG


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """The client is who it says it is; `success` is the element to tell it so."""

    account: IAccount
    logout: Callable[[], None]
    success: Element


class Login:
    """The attempts of one stream to log in.

    - `context`: the stream, with what was offered on it.
    - `failures`: how many attempts have failed.
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

    async def auth(self, element: Element) -> Element | LoggedIn:
        """Answer `<auth/>`, which begins a new attempt whatever became of the last one."""
        self.abandon()
        begun = self._authenticator.begin(
            element.attrs.get("mechanism", ""), self.context, self._address
        )
        if isinstance(begun, Failed):
            return self._failure(begun)
        self._attempt = begun
        return await self._step(element, initial=True)

    async def response(self, element: Element) -> Element | LoggedIn:
        """Answer `<response/>`."""
        if self._attempt is None:
            return self._failure(Failed(Condition.MALFORMED_REQUEST, "there is nothing to answer"))
        return await self._step(element, initial=False)

    def abort(self) -> Element:
        """Answer `<abort/>` (RFC 6120 6.4.4)."""
        self.abandon()
        return self._failure(Failed(Condition.ABORTED))

    def abandon(self) -> None:
        """Give up the attempt under way, if there is one."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.abort()

    async def _step(self, element: Element, *, initial: bool) -> Element | LoggedIn:
        attempt = self._attempt
        assert attempt is not None  # both callers have seen to it
        try:
            data = _decode(element.text, initial=initial)
        except ValueError:
            self.abandon()
            return self._failure(Failed(Condition.INCORRECT_ENCODING))
        outcome = await attempt.step(data)
        if isinstance(outcome, Challenge):
            return Element("challenge", SASL, {}, [_encode(outcome.data)])
        self._attempt = None
        if isinstance(outcome, Success):
            final = [] if outcome.data is None else [_encode(outcome.data)]
            success = Element("success", SASL, {}, list(final))
            return LoggedIn(outcome.account, outcome.logout, success)
        return self._failure(outcome)

    def _failure(self, failed: Failed) -> Element:
        if failed.condition is not Condition.ABORTED:
            self.failures += 1
        failure = Element("failure", SASL)
        failure.add(failed.condition.value, SASL)
        if failed.text:
            failure.add("text", SASL, failed.text).attrs[XML_LANG] = "en"
        return failure


def mechanisms(names: tuple[str, ...]) -> Element:
    """Return the stream feature that offers these mechanisms (RFC 6120 6.3.3)."""
    feature = Element("mechanisms", SASL)
    for name in names:
        feature.add("mechanism", SASL, name)
    return feature


def channel_bindings(context: SaslContext, names: tuple[str, ...]) -> Element | None:
    """Return the stream feature that names the channel-binding types (XEP-0440), if any."""
    types = announced(context, names)
    if not types:
        return None
    feature = Element("sasl-channel-binding", CHANNEL_BINDINGS)
    for name in types:
        feature.add("channel-binding", CHANNEL_BINDINGS, type=name)
    return feature


def _decode(text: str, *, initial: bool) -> bytes | None:
    """Decode the content of an element (RFC 6120 6.4.2, 6.4.3). Raises `ValueError`."""
    if not text:
        return None if initial else b""
    if text == "=":
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode() or "="
