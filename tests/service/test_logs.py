"""Log lines: their form, and that nothing in them can be forged or is secret."""

import io
import json
from pathlib import Path
from typing import Any

from twisted.logger import Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from xmppd.server.config import LogConfig
from xmppd.service.logs import LogFile, as_json, as_text, escape, observer

WHEN = 1_767_268_800.25
HEAD = "2026-01-01T12:00:00.250Z info acme.part "


def event(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {
        "log_time": WHEN,
        "log_level": LogLevel.info,
        "log_namespace": "acme.part",
        "log_format": text,
        **fields,
    }


def failure(text: str) -> Failure:
    try:
        raise ValueError(text)
    except ValueError:
        return Failure()  # type: ignore[no-untyped-call]


class TextTests(SynchronousTestCase):
    """Lines for people."""

    def test_lines(self) -> None:
        table: list[tuple[dict[str, Any], str]] = [
            (event(), "hello"),
            (event("{who} came", who="juliet"), "juliet came"),
            (event("{who} came", who="juliet", port=5222), "juliet came port=5222"),
            (event(reason="it was late"), 'hello reason="it was late"'),
            (event(reason=""), 'hello reason=""'),
            (event(reason='a"b'), 'hello reason="a\\"b"'),
            (event(a=True, b=1.5), "hello a=True b=1.5"),
            (event("{who.name}{list[0]}{call()}", who=7, list="x", call="y"), "hello"),
            (event(data=b"x", thing=object(), rows=[1]), "hello"),
            (event("{who}", who="a\nb"), "a\\x0ab"),
            (event(line="a\r\nb"), 'hello line="a\\r\\nb"'),
            (event("a{b"), "an event that cannot be put into words"),
            (event("{missing}", password="hunter2"), "an event that cannot be put into words"),
        ]
        for each, expected in table:
            with self.subTest(expected=expected):
                line = as_text(each)
                self.assertNotIn("hunter2", line)
                if expected != "hello" or len(each) == 4:
                    self.assertTrue(line.startswith(f"{HEAD}{expected}"), line)
                self.assertEqual(line.count("\n"), 1)

    def test_what_is_not_there(self) -> None:
        self.assertEqual(as_text({"log_format": "x"}), "1970-01-01T00:00:00.000Z info - x\n")
        self.assertEqual(
            as_text(event(log_system="here")), HEAD.replace("acme.part", "here") + "hello\n"
        )

    def test_secrets(self) -> None:
        names = [
            "password",
            "new_password",
            "secret",
            "token",
            "credentials",
            "body",
            "key",
            "keys",
        ]
        for name in names:
            with self.subTest(name=name):
                self.assertEqual(as_text(event(**{name: "hunter2"})), f"{HEAD}hello {name}=***\n")
                self.assertNotIn("hunter2", as_json(event(**{name: "hunter2"})))

    def test_tracebacks_cannot_forge_lines(self) -> None:
        text = as_text(event("broken", log_failure=failure(f"x\n{HEAD}forged\x1b[2J")))
        first, *others = text.splitlines()
        self.assertEqual(first, f"{HEAD}broken")
        self.assertTrue(all(line.startswith("    | ") for line in others))
        self.assertIn("ValueError: x", text)
        self.assertNotIn("\x1b", text)


class EscapeTests(SynchronousTestCase):
    """No character that controls anything passes."""

    def test_table(self) -> None:
        table = [
            ("plain \u00fcber \U0001f600", "plain \u00fcber \U0001f600"),
            ("a\nb\tc\x00", "a\\x0ab\\x09c\\x00"),
            ("\x1b[31m\x7f\x9b", "\\x1b[31m\\x7f\\x9b"),
            ("\u2028\u2029\u202e\u2066\u200f", "\\u2028\\u2029\\u202e\\u2066\\u200f"),
            ("\ud800", "\\ud800"),
        ]
        for text, expected in table:
            with self.subTest(text=text):
                self.assertEqual(escape(text), expected)


class JsonTests(SynchronousTestCase):
    """Lines for programs."""

    def test_an_event(self) -> None:
        line = as_json(event("{who} came", who="j\u00fcliet\n", port=5222, extra=object()))
        self.assertEqual(line.count("\n"), 1)
        self.assertEqual(
            json.loads(line),
            {
                "time": "2026-01-01T12:00:00.250Z",
                "level": "info",
                "system": "acme.part",
                "message": "j\u00fcliet\n came",
                "who": "j\u00fcliet\n",
                "port": 5222,
            },
        )

    def test_fields_cannot_stand_for_ours(self) -> None:
        record = json.loads(as_json(event(level="fatal", message="forged", system="x")))
        self.assertEqual((record["level"], record["system"]), ("info", "acme.part"))
        self.assertEqual(record["message"], "hello")

    def test_a_traceback(self) -> None:
        record = json.loads(as_json(event(log_failure=failure("x"))))
        self.assertIn("ValueError: x", record["traceback"])


class ObserverTests(SynchronousTestCase):
    """What is written, and where."""

    def written(self, config: LogConfig) -> list[str]:
        file = io.StringIO()
        publisher = LogPublisher(observer(file, config))
        log = Logger("acme.part", observer=publisher)
        for level in LogLevel.iterconstants():
            log.emit(level, "at {name}", name=level.name)
        return file.getvalue().splitlines()

    def test_levels(self) -> None:
        table = [("debug", 5), ("info", 4), ("warn", 3), ("error", 2)]
        for level, count in table:
            with self.subTest(level=level):
                self.assertEqual(len(self.written(LogConfig("text", level))), count)  # type: ignore[arg-type]

    def test_formats(self) -> None:
        self.assertTrue(self.written(LogConfig("text"))[0].endswith("info acme.part at info"))
        self.assertEqual(json.loads(self.written(LogConfig("json"))[0])["message"], "at info")


class LogFileTests(SynchronousTestCase):
    """A file that can be moved away."""

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.path.mkdir()
        self.file = self.path / "xmppd.log"

    def write(self, log: LogFile, text: str) -> None:
        log.write(text)
        log.flush()

    def test_reopen(self) -> None:
        self.file.write_text("before\n")
        log = LogFile(str(self.file))
        self.write(log, "one\n")
        moved = self.file.rename(self.path / "xmppd.log.1")
        self.write(log, "two\n")
        log.reopen()
        self.write(log, "three \ud800\n")
        self.assertEqual(moved.read_text(), "before\none\ntwo\n")
        self.assertEqual(self.file.read_text(), "three \\ud800\n")

    def test_when_that_fails_the_old_one_goes_on(self) -> None:
        log = LogFile(str(self.file))
        moved = self.path.rename(self.mktemp())
        self.assertRaises(OSError, log.reopen)
        self.write(log, "still here\n")
        self.assertEqual((moved / "xmppd.log").read_text(), "still here\n")
