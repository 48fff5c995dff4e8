"""Password fields that are no passwords: what passwd(5) and shadow(5) put there instead.

A plain-text `FilePasswordDB` over such a file would take the mark itself for the password.
"""

from collections.abc import Iterator

from twisted.cred.checkers import FilePasswordDB, ICredentialsChecker

_MARKS = frozenset((b"", b"x", b"*", b"!", b"!!", b"!*", b"*LK*", b"*NP*"))


class LockedPasswords(ValueError):
    """A store keeps marks where passwords should be; the text is one sentence for the operator."""


def is_locked(password: bytes) -> bool:
    """Whether a stored password only says that there is none, or that it is kept elsewhere."""
    return password.strip() in _MARKS


def refuse_locked(checker: ICredentialsChecker) -> None:
    """Raise `LockedPasswords` for a plain-text `FilePasswordDB` whose file holds such marks.

    Other checkers pass unread. OSError if the file cannot be read. Files change: the credentials
    of this package ask `is_locked` again at each check.
    """
    if not isinstance(checker, FilePasswordDB) or checker.hash is not None:
        return
    for number, field in _password_fields(checker):
        if is_locked(field):
            raise LockedPasswords(
                f"{checker.filename}:{number}: {field.decode('ascii')!r} is no password:"
                " is this a file of the system?"
            )


def _password_fields(checker: FilePasswordDB) -> Iterator[tuple[int, bytes]]:
    """Yield line numbers and password fields as `FilePasswordDB` finds them."""
    with open(checker.filename, "rb") as file:
        for number, line in enumerate(file, 1):
            fields = line.rstrip().split(checker.delim)
            if max(checker.ufield, checker.pfield) < len(fields):
                yield number, fields[checker.pfield]
