"""Requests and answers of the control socket."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.service.sockets import Commands, Echo
from xmppd.api.commands import Argument, Command, CommandError
from xmppd.service.control_messages import (
    ArgumentInfo,
    CommandInfo,
    plain,
    read_answer,
    read_request,
    with_help,
    write_error,
    write_request,
    write_result,
)

COMMANDS = with_help(Commands().all())


class RequestTests(SynchronousTestCase):
    """What clients may ask, and how."""

    def test_requests(self) -> None:
        defaults = {"times": 1, "scale": 1.0, "loud": False}
        table: list[tuple[dict[str, Any], dict[str, Any]]] = [
            ({"text": "x"}, {"text": "x", **defaults}),
            ({"text": "x", "scale": 2}, {"text": "x", **defaults, "scale": 2.0}),
            (
                {"text": "", "times": 3, "scale": 0.5, "loud": True},
                {"text": "", "times": 3, "scale": 0.5, "loud": True},
            ),
        ]
        for arguments_given, expected in table:
            with self.subTest(given=arguments_given):
                line = write_request("echo", arguments_given)
                self.assertTrue(line.endswith(b"\n"))
                command, arguments = read_request(line, COMMANDS)
                self.assertEqual((command.name, arguments), ("echo", expected))
                self.assertIs(type(arguments["scale"]), float)

    def test_arguments_may_be_left_out_altogether(self) -> None:
        command, arguments = read_request(b'{"command": "refuse"}', COMMANDS)
        self.assertEqual((command.name, arguments), ("refuse", {}))

    def test_none_as_a_default(self) -> None:
        command = Command("x", "", print, str, (Argument("of", "", required=False),))
        line = write_request("x", {"of": None})
        self.assertEqual(read_request(line, {"x": command})[1], {"of": None})

    def test_refusals(self) -> None:
        table: list[tuple[bytes, str]] = [
            (b"", "the request is not JSON"),
            (b"\xff", "the request is not JSON"),
            (b"[" * 60_000, "the request is not JSON"),
            (b"[]", "the request is no JSON object"),
            (b"{}", "there is no such command"),
            (b'{"command": ["echo"]}', "there is no such command"),
            (b'{"command": "ech"}', "there is no such command; the command `commands` lists them"),
            (b'{"command": "echo", "arguments": 1}', "the arguments are no JSON object"),
            (b'{"command": "echo"}', "the argument text is missing"),
            (b'{"command": "echo", "arguments": {"x": 1}}', "echo takes no argument 'x'"),
        ]
        for line, message in table:
            with self.subTest(line=line[:50]):
                error = self.assertRaises(CommandError, read_request, line, COMMANDS)
                self.assertIn(message, str(error))

    def test_kinds(self) -> None:
        table: list[tuple[dict[str, Any], str]] = [
            ({"text": 1}, "the argument text has to be a str"),
            ({"text": None}, "the argument text has to be a str"),
            ({"text": "x", "times": "1"}, "the argument times has to be a int"),
            ({"text": "x", "times": True}, "the argument times has to be a int"),
            ({"text": "x", "scale": "1"}, "the argument scale has to be a float"),
            ({"text": "x", "loud": 1}, "the argument loud has to be a bool"),
        ]
        for arguments_given, message in table:
            with self.subTest(given=arguments_given):
                line = write_request("echo", arguments_given)
                error = self.assertRaises(CommandError, read_request, line, COMMANDS)
                self.assertEqual(str(error), message)

    @settings(deadline=None, derandomize=True, database=None)
    @given(
        st.binary(max_size=60)
        | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["command", "arguments", "text", "echo"]), inner)
            ),
        ).map(lambda value: json.dumps(value).encode())
    )
    def test_nothing_else_is_raised(self, line: bytes) -> None:
        try:
            command, _ = read_request(line, COMMANDS)
        except CommandError as error:
            self.assertNotIn("\n", str(error))
        else:
            self.assertIn(command.name, COMMANDS)


class DescriptionTests(SynchronousTestCase):
    """The command `commands`."""

    def test_it_lists_the_others(self) -> None:
        rows = plain(COMMANDS["commands"].run())
        self.assertEqual([row["name"] for row in rows], [c.name for c in Commands().all()])
        described = [CommandInfo.read(row) for row in json.loads(json.dumps(rows))]
        self.assertEqual(described, [CommandInfo.of(each) for each in Commands().all()])
        self.assertEqual(
            described[1],
            CommandInfo(
                "secret keep",
                "Keep a secret.",
                (ArgumentInfo("secret", "what nobody may see", "str", True, None, True),),
                True,
                "0.1",
            ),
        )


class AnswerTests(SynchronousTestCase):
    """What comes back."""

    def test_results(self) -> None:
        echo = Echo("x", 1, 1.0, False)
        row = {"text": "x", "times": 1, "scale": 1.0, "loud": False}
        table: list[tuple[object, object]] = [
            (echo, row),
            ([echo, echo], [row, row]),
            ((echo,), [row]),
            ([], []),
            (None, None),
            ("text", "text"),
            (
                Outer(Echo("y", 2, 0.5, True), ("a",)),
                {
                    "inner": row | {"text": "y", "times": 2, "scale": 0.5, "loud": True},
                    "names": ["a"],
                },
            ),
        ]
        for result, expected in table:
            with self.subTest(result=result):
                line = write_result(result)
                self.assertEqual(line.count(b"\n"), 1)
                self.assertEqual(read_answer(line), expected)

    def test_errors(self) -> None:
        read: Callable[[bytes], Any] = read_answer
        error = self.assertRaises(CommandError, read, write_error("it\nfailed"))
        self.assertEqual(str(error), "it\nfailed")


@dataclass(frozen=True, slots=True)
class Outer:
    """A record in a record."""

    inner: Echo
    names: tuple[str, ...]
