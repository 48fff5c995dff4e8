"""Moving accounts out: one host into one file, with all that is kept for each account."""

from pathlib import Path

from twisted.internet.task import deferLater

from xmppd.api.commands import Progress
from xmppd.api.host import IHost
from xmppd.server.portable.importer import ACCOUNTS_AT_ONCE, PROGRESS_SECONDS
from xmppd.server.portable.report import ExportReport, Tally, Texts
from xmppd.server.portable.stores import HostStores
from xmppd.server.portable.writer import PortableWriter, new_file

PAGE = 1000
"""How many localparts are read at a time."""


class Exporter:
    """Exports one host.

    `progress` is told every few seconds how far it has got, and may raise to end it;
    `for_ejabberd` as in `write_keys`.
    """

    def __init__(self, host: IHost, progress: Progress, for_ejabberd: bool = False) -> None:
        self._host = host
        self._progress = progress
        self._for_ejabberd = for_ejabberd
        self._stores = HostStores(host)
        self._tally = Tally()
        self._notes = Texts()
        self._seen = 0
        self._accounts = 0
        self._told = host.clock.seconds()

    async def run(self, path: Path, overwrite: bool) -> ExportReport:
        """Write the file. Fails with `OSError`, `NameTaken`, `StorageError`: then there is none.

        Each account is as it was when its turn came; a running server goes on changing others.
        """
        with new_file(path, overwrite) as file:
            writer = PortableWriter(file, self._host.domain, self._for_ejabberd)
            after = ""
            while names := await self._host.accounts.localparts(after, PAGE):
                after = names[-1]
                for name in names:
                    await self._write(writer, name)
            writer.end()
        return ExportReport(
            str(path), self._accounts, notes=self._notes.all(), **self._tally.counts()
        )

    async def _write(self, writer: PortableWriter, name: str) -> None:
        account = await self._host.accounts.get(name)
        if account is None:  # deleted meanwhile
            return
        user = await self._stores.user(account)
        for what in user.left_out:
            self._notes.add(f"left out: {what}", f"{name}@{self._host.domain}")
        try:
            writer.add(user)
        except ValueError as error:
            self._notes.add(f"left out altogether: {error}", f"{name}@{self._host.domain}")
        else:
            self._tally.add(user)
            self._accounts += 1
        self._seen += 1
        if self._seen % ACCOUNTS_AT_ONCE == 0:
            await deferLater(self._host.clock, 0)
        if self._host.clock.seconds() - self._told >= PROGRESS_SECONDS:
            self._told = self._host.clock.seconds()
            self._progress(f"{self._accounts} accounts written")
