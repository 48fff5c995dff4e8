"""Commands that move accounts in and out: `export`, `import`, `import prosody` and so on."""

from collections.abc import Callable
from pathlib import Path

from xmppd.api.commands import Argument, Command, CommandError, Progress, no_progress
from xmppd.api.storage import StorageError
from xmppd.server.admin import Admin, host_named
from xmppd.server.portable.ejabberd import main_file
from xmppd.server.portable.exporter import Exporter
from xmppd.server.portable.importer import Importer
from xmppd.server.portable.incoming import Rules
from xmppd.server.portable.prosody import ProsodyData
from xmppd.server.portable.reader import PortableFile
from xmppd.server.portable.report import ExportReport, ImportReport
from xmppd.server.portable.values import Source, SourceError
from xmppd.server.portable.writer import NameTaken

_REPLACE = Argument(
    "replace", "accounts that are here with other data give way to those found", bool, False, False
)
_OVERWRITE = Argument("overwrite", "even if it is there", bool, False, False)
_FOR_EJABBERD = Argument(
    "for_ejabberd", "so that ejabberd can read the passwords", bool, False, False
)
_DRY_RUN = Argument("dry_run", "only tell what would be done", bool, False, False)


class PortableCommands:
    """Moves the accounts of a server's hosts.

    - `iterations`: of the SCRAM keys made of passwords that are found in clear.
    - `elsewhere(domain)`: whether users of a host may have their passwords in other stores.
    """

    def __init__(self, admin: Admin, iterations: int, elsewhere: Callable[[str], bool]) -> None:
        self._admin = admin
        self._iterations = iterations
        self._elsewhere = elsewhere

    def commands(self) -> tuple[Command, ...]:
        """Return the commands; all of them work on the data alone, too."""
        return (
            Command(
                "export",
                "Write the accounts of a host to a file in the format of XEP-0227.",
                self.export,
                ExportReport,
                (
                    Argument("host", "the host"),
                    Argument("file", "the file to be written", path=True),
                    _OVERWRITE,
                    _FOR_EJABBERD,
                ),
                offline=True,
                progress=True,
            ),
            self._importing(
                "import",
                "Import accounts from a file in the format of XEP-0227.",
                Argument("file", "the file; it may include others of its directory", path=True),
                self.import_file,
            ),
            self._importing(
                "import prosody",
                "Import accounts from the data directory of a Prosody.",
                Argument("directory", "such as /var/lib/prosody", path=True),
                self.import_prosody,
            ),
            self._importing(
                "import ejabberd",
                "Import accounts from what `ejabberdctl export_piefxis` has written.",
                Argument("path", "the directory, or the main file in it", path=True),
                self.import_ejabberd,
            ),
        )

    def _importing(
        self, name: str, help: str, source: Argument, run: Callable[..., object]
    ) -> Command:
        return Command(
            name,
            help,
            run,
            ImportReport,
            (source, _REPLACE, _DRY_RUN),
            offline=True,
            progress=True,
        )

    async def export(
        self,
        host: str,
        file: str,
        overwrite: bool,
        for_ejabberd: bool,
        progress: Progress = no_progress,
    ) -> ExportReport:
        """Export a host."""
        exporter = Exporter(host_named(self._admin, host), progress, for_ejabberd)
        try:
            return await exporter.run(_absolute(file), overwrite)
        except NameTaken as error:
            raise CommandError(f"{file}: {error}") from None
        except OSError as error:
            raise CommandError(f"{file}: cannot be written ({error.strerror})") from None
        except StorageError as error:
            raise CommandError(str(error)) from None

    async def import_file(
        self, file: str, replace: bool, dry_run: bool, progress: Progress = no_progress
    ) -> ImportReport:
        """Import from a file in the portable format."""
        return await self._import(PortableFile(_absolute(file)), replace, dry_run, progress)

    async def import_prosody(
        self, directory: str, replace: bool, dry_run: bool, progress: Progress = no_progress
    ) -> ImportReport:
        """Import from the data directory of a Prosody."""
        return await self._import(ProsodyData(_absolute(directory)), replace, dry_run, progress)

    async def import_ejabberd(
        self, path: str, replace: bool, dry_run: bool, progress: Progress = no_progress
    ) -> ImportReport:
        """Import what ejabberd has exported."""
        try:
            file = main_file(_absolute(path))
        except SourceError as error:
            raise CommandError(str(error)) from None
        return await self._import(PortableFile(file), replace, dry_run, progress)

    async def _import(
        self, source: Source, replace: bool, dry_run: bool, progress: Progress
    ) -> ImportReport:
        rules = Rules(self._iterations, replace, dry_run)
        importer = Importer(self._admin, rules, self._elsewhere, progress)
        try:
            return await importer.run(source)
        except SourceError as error:
            raise CommandError(str(error)) from None
        except StorageError as error:
            raise CommandError(f"{error} ({importer.on_disk()}; run it again to go on)") from None


def _absolute(path: str) -> Path:
    """Return a path that means the same for the one who gave it and for the server."""
    found = Path(path)
    if not found.is_absolute() or "\0" in path:
        raise CommandError("give the whole path, from / on")
    return found
