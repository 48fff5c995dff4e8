"""Moving accounts in from one source, of as many hosts as it has (XEP-0227 section 4.1)."""

from collections import Counter
from collections.abc import Callable

from twisted.internet.task import deferLater

from xmppd.api.commands import Progress
from xmppd.server.admin import Admin
from xmppd.server.portable.incoming import Heard, Incoming, Outcome, Rules
from xmppd.server.portable.report import ImportReport, Tally, Texts
from xmppd.server.portable.values import Found, Source, Trouble

ACCOUNTS_AT_ONCE = 10
"""After so many accounts the server gets to do other things."""

PROGRESS_SECONDS = 2.0


class Importer:
    """Imports everything from one source.

    `elsewhere(domain)` tells whether users of that host may have their passwords in other stores;
    `progress` is told every few seconds how far it has got, and may raise to end it.
    """

    def __init__(
        self, admin: Admin, rules: Rules, elsewhere: Callable[[str], bool], progress: Progress
    ) -> None:
        self._admin = admin
        self._rules = rules
        self._elsewhere = elsewhere
        self._progress = progress
        self._hosts = {host.domain: host for host in admin.hosts}
        self._into: dict[str, Incoming | None] = {}
        self._outcomes: Counter[Outcome] = Counter()
        self._on_disk: Counter[Outcome] = Counter()
        self._heard = Heard(Tally(), Texts(), Texts())

    async def run(self, source: Source) -> ImportReport:
        """Import and return what came of it, when all of it is on disk.

        Fails with `SourceError`, `StorageError` and what `progress` raises; what was done until
        then stays, and the next run goes on from there.
        """
        clock = self._admin.hosts[0].clock
        told = clock.seconds()
        try:
            for count, found in enumerate(source, 1):
                if isinstance(found, Trouble):
                    (self._heard.errors if found.lost else self._heard.notes).add(found.text)
                else:
                    self._outcomes[await self._take(found)] += 1
                    self._note_settled()
                if count % ACCOUNTS_AT_ONCE == 0:
                    await deferLater(clock, 0)
                if clock.seconds() - told >= PROGRESS_SECONDS:
                    told = clock.seconds()
                    self._progress(_said(self._outcomes))
        finally:
            await self._settle()
        return self._report()

    def on_disk(self) -> str:
        """Say how many accounts are dealt with for good, whatever happened to the run."""
        return _said(self._on_disk)

    async def _take(self, found: Found) -> Outcome:
        if found.domain not in self._into:
            self._into[found.domain] = self._incoming(found.domain)
        into = self._into[found.domain]
        if into is not None:
            return await into.take(found.user)
        host = self._hosts.get(found.domain)
        if host is None:
            why = f"{found.domain} is not served here; hosts: {', '.join(self._hosts)}"
        else:
            why = f"nothing can be kept on {found.domain}, which is for guests"
        self._heard.errors.add(f"accounts are not imported: {why}")
        return Outcome.FAILED

    def _incoming(self, domain: str) -> Incoming | None:
        host = self._hosts.get(domain)
        if host is None or host.anonymous:
            return None
        return Incoming(host, self._admin, self._rules, self._heard, self._elsewhere(domain))

    async def _settle(self) -> None:
        for into in self._into.values():
            if into is not None:
                await into.settle()
        self._on_disk = self._outcomes.copy()

    def _note_settled(self) -> None:
        if all(into is None or into.is_settled for into in self._into.values()):
            self._on_disk = self._outcomes.copy()

    def _report(self) -> ImportReport:
        heard = self._heard
        return ImportReport(
            **{outcome.value: self._outcomes[outcome] for outcome in Outcome},
            **heard.tally.counts(),
            dry_run=self._rules.dry_run,
            notes=heard.notes.all(),
            errors=heard.errors.all(),
        )


def _said(outcomes: Counter[Outcome]) -> str:
    """Say how many accounts had which outcome."""
    done = ", ".join(f"{count} {outcome.value}" for outcome, count in outcomes.items() if count)
    return f"accounts: {done}" if done else "nothing was imported"
