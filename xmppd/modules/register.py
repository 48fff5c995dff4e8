"""In-Band Registration (XEP-0077): newcomers make accounts, users change passwords and leave."""

from collections.abc import Awaitable, Iterator
from dataclasses import dataclass

from twisted.logger import Logger

from xmppd.api.auth import IPasswords
from xmppd.api.commands import IAdministration
from xmppd.api.host import Busy, IHost
from xmppd.api.moments import PASS, STOP, SentByClient, Verdict
from xmppd.api.rates import PerHour
from xmppd.api.registrations import (
    HOST,
    OWN_ACCOUNT,
    Feature,
    HandleBeforeLogin,
    HandleIq,
    Registration,
    Request,
    StreamContext,
    StreamFeature,
    Watch,
)
from xmppd.api.sessions import ISession
from xmppd.api.settings import Count, Seconds
from xmppd.api.storage import AccountExists
from xmppd.stanza.errors import StanzaError
from xmppd.stanza.forms import Field, FieldType, Form, FormType, form_in
from xmppd.stanza.prep import PrepError, localpart, skeleton
from xmppd.stanza.stanza import Iq, Stanza
from xmppd.wire.element import Element
from xmppd.wire.namespaces import REGISTER, REGISTER_FEATURE


@dataclass(frozen=True, slots=True)
class RegisterSettings:
    """Who may have an account, and what its user may do with it.

    - `newcomers`: whether accounts can be made; users can change passwords either way.
    - `removal`: whether users can remove their accounts.
    - `instructions`: shown to newcomers.
    - `reserved`: names that newcomers cannot have.
    - `without_tls`: whether newcomers may send their passwords in clear, on hosts that take that.
    - `accounts_per_address`, `accounts_per_hour`: accounts made within an hour from one IPv4
      address or IPv6 /64 network, and from all; `tries_per_address` counts what failed as well.
    - `changes_per_hour`: how often a user may change the password; each time costs us work.
    - `form_seconds`: how long who has asked for the form may take to fill it in and log in, so
      many at a time of one address (`forms_per_address`).

    Raises `ValueError` if a reserved name is none that an account could have.
    """

    newcomers: bool = True
    removal: bool = True
    instructions: str = "Choose a name and a password for your account."
    reserved: tuple[str, ...] = (
        "abuse",
        "admin",
        "administrator",
        "hostmaster",
        "postmaster",
        "root",
        "security",
        "support",
        "webmaster",
        "xmpp",
    )
    without_tls: bool = False
    accounts_per_address: Count = 5
    accounts_per_hour: Count = 100
    tries_per_address: Count = 30
    changes_per_hour: Count = 20
    form_seconds: Seconds = 600.0
    forms_per_address: Count = 3

    def __post_init__(self) -> None:
        for name in self.reserved:
            localpart(name)


DEFAULTS = RegisterSettings()


class InBandRegistration:
    """Makes, changes and removes the accounts whose passwords this server keeps.

    Raises `ValueError` on a host that keeps none, and where a newcomer could take a name that
    another user store knows.
    """

    _log = Logger()

    def __init__(self, host: IHost, settings: RegisterSettings = DEFAULTS) -> None:
        passwords = host.find(IPasswords)
        if passwords is None:
            raise ValueError('it needs accounts of this server\'s own ("xmppd" among the users)')
        if settings.newcomers and not passwords.sole:
            raise ValueError(
                "a name could belong to somebody in another user store; set newcomers = false"
            )
        self._passwords: IPasswords = passwords
        self._host = host
        self._settings = settings
        self._reserved = frozenset(skeleton(localpart(name)) for name in settings.reserved)
        self._tries = PerHour(host.clock, settings.tries_per_address)
        self._changes = PerHour(host.clock, settings.changes_per_hour)
        self._made = PerHour(host.clock, settings.accounts_per_address)
        self._made_in_all = PerHour(host.clock, settings.accounts_per_hour)

    def registrations(self) -> Iterator[Registration]:
        """Return the hooks of this feature."""
        where = HOST | OWN_ACCOUNT
        yield Feature(REGISTER)
        yield HandleIq("get", REGISTER, "query", self.get, at=where)
        yield HandleIq("set", REGISTER, "query", self.set, at=where)
        yield Watch(SentByClient, self.sent, kinds=("iq",), payload=((REGISTER, "query"),))
        if self._settings.newcomers:
            seconds, most = self._settings.form_seconds, self._settings.forms_per_address
            yield StreamFeature(self.offer, when="before-login")
            yield HandleBeforeLogin("get", REGISTER, "query", self.form, seconds, most)
            yield HandleBeforeLogin("set", REGISTER, "query", self.submitted)

    # Newcomers (section 3.1).

    def offer(self, stream: StreamContext) -> Element | None:
        """Return the stream feature (section 8)."""
        return Element("register", REGISTER_FEATURE) if self._is_safe(stream) else None

    def form(self, stream: StreamContext, _query: Element) -> Element:
        """Return what newcomers have to fill in."""
        self._refuse_clear(stream)
        query = Element("query", REGISTER)
        query.add("instructions", text=self._settings.instructions)
        query.add("username")
        query.add("password")
        query.children.append(_form(self._settings.instructions).to_element())
        return query

    async def submitted(self, stream: StreamContext, query: Element) -> None:
        """Make an account."""
        self._refuse_clear(stream)
        if not self._tries.take(stream.network):
            raise StanzaError("resource-constraint", "too many attempts; try again later")
        if query.child("remove", REGISTER) is not None:
            raise StanzaError("unexpected-request", "log in first")
        username, password = _submitted(query, "not-acceptable")
        self._check(username)
        if not self._made.take(stream.network):
            raise StanzaError("resource-constraint", "too many accounts; try again later")
        if not self._made_in_all.take(""):
            self._made.give_back(stream.network)
            raise StanzaError("resource-constraint", "too many accounts; try again later")
        try:
            name = await _translated(self._passwords.create(username, password))
        except StanzaError:  # not for who hangs up: by then the account may have been made
            self._made.give_back(stream.network)
            self._made_in_all.give_back("")
            raise
        self._log.info(
            "{name}@{domain} has registered from {address}",
            name=name,
            domain=self._host.domain,
            address=stream.address,
        )

    def _check(self, username: str) -> None:
        """Refuse names that cannot be, or are not for everybody."""
        try:
            alike = skeleton(localpart(username))
        except PrepError:
            raise StanzaError("not-acceptable", "this cannot be a name") from None
        if alike in self._reserved or alike in self._of_administrators():
            raise StanzaError("not-acceptable", "this name is reserved")

    def _of_administrators(self) -> frozenset[str]:
        """Return whom the configuration names: who has such an account, or gets it, may rule."""
        administration = self._host.find(IAdministration)
        everywhere = frozenset() if administration is None else administration.everywhere
        own = (jid for jid in everywhere if jid.domainpart == self._host.domain)
        return frozenset(skeleton(jid.localpart) for jid in own if jid.localpart)

    def _is_safe(self, stream: StreamContext) -> bool:
        return stream.secure or self._settings.without_tls

    def _refuse_clear(self, stream: StreamContext) -> None:
        if not self._is_safe(stream):
            raise StanzaError("not-authorized", "begin TLS first")

    # Users (sections 3.1, 3.2, 3.3).

    def get(self, request: Request) -> Element:
        """Tell a user that there is an account."""
        query = Element("query", REGISTER)
        query.add("registered")
        query.add("username", text=self._user(request, "service-unavailable"))
        query.add("password")
        return query

    async def set(self, request: Request) -> None:
        """Change a user's password."""
        user = self._user(request, "registration-required")
        if request.payload.child("remove", REGISTER) is not None:
            # For sessions, see `sent`: whoever has none could not be told, and then sent away.
            raise StanzaError("unexpected-request", "bind a resource first")
        username, password = _submitted(request.payload, "bad-request")
        if not _is_name_of(username, user):
            raise StanzaError("not-acceptable", "you have an account already")
        if not self._changes.take(user):
            raise StanzaError("resource-constraint", "too many changes; try again later")
        await _translated(self._passwords.set_password(user, password))

    def _user(self, request: Request, otherwise: str) -> str:
        """Return who asks, a user of this host; raises that condition for anybody else."""
        sender = request.sender
        if sender.domainpart != self._host.domain or not sender.localpart:
            raise StanzaError(otherwise)
        return sender.localpart

    def sent(self, stanza: Stanza, session: ISession) -> Verdict | Awaitable[Verdict]:
        """Take note of a user who wants to remove the account (section 3.2).

        Only what is sent to the server or the own account is about that: the same, sent to
        somebody else, is about an account there.
        """
        if (
            not isinstance(stanza, Iq)
            or stanza.type != "set"
            or not stanza.id
            or len(stanza.children) != 1
            or stanza.to not in (self._host.jid, session.jid.bare)
        ):
            return PASS
        query = stanza.payload()
        if query is None or query.child("remove", REGISTER) is None:
            return PASS
        if len(list(query.elements())) > 1:
            raise StanzaError("bad-request", "remove nothing besides")
        if not self._settings.removal:
            raise StanzaError("not-allowed", "accounts are removed by the administrator")
        return self._remove(stanza, session)

    async def _remove(self, iq: Iq, session: ISession) -> Verdict:
        """Remove the account of a session, which is told so at its very end.

        It is withdrawn before: nothing may come to it, or of it, that would be kept for an account
        which is not there any more.
        """
        session.withdraw()
        try:
            await self._passwords.delete(session.account)
        except KeyError:
            pass  # somebody else has removed it at the same time
        except BaseException:
            session.close("internal-server-error")
            raise
        session.write(iq.result())
        session.close("not-authorized", "this account has been removed")
        self._log.info("{jid} has removed its account", jid=str(session.jid.bare))
        return STOP


def _form(instructions: str) -> Form:
    """Return the form, beside the fields that are older than forms (section 4)."""
    return Form.of(
        REGISTER,
        Field("username", FieldType.TEXT_SINGLE, "Name", required=True),
        Field("password", FieldType.TEXT_PRIVATE, "Password", required=True),
        title="Registration",
        instructions=instructions,
    )


_ABOUT = ("", REGISTER, f"{REGISTER}:changepassword")


def _submitted(query: Element, incomplete: str) -> tuple[str, str]:
    """Return username and password as submitted, by form or not (section 6).

    Raises `StanzaError` of the condition `incomplete` if there is nothing in one of them.
    """
    form = form_in(query)
    if form is None:
        found = [query.child(name, REGISTER) for name in ("username", "password")]
        username, password = ("" if each is None else each.text for each in found)
    elif form.type is not FormType.SUBMIT or form.form_type not in _ABOUT:
        raise StanzaError("bad-request", "this form was not offered")
    else:
        username, password = form.value("username"), form.value("password")
    if not username or not password:
        raise StanzaError(incomplete, "both name and password are needed")
    return username, password


def _is_name_of(username: str, user: str) -> bool:
    try:
        return skeleton(localpart(username)) == skeleton(user)
    except PrepError:
        return False


async def _translated(work: Awaitable[str | None]) -> str | None:
    """Do something with accounts; raises the `StanzaError` for what may go wrong with them.

    Nothing of a password gets into its text, which would be in the text of a `ValueError`.
    """
    try:
        return await work
    except AccountExists:
        raise StanzaError("conflict", "this name is taken") from None
    except KeyError:
        raise StanzaError("not-allowed", "your password is not kept here") from None
    except ValueError:
        raise StanzaError("not-acceptable", "this cannot be a password") from None
    except Busy:
        raise StanzaError("resource-constraint", "try again later") from None
