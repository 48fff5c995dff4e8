"""Files in the portable format: hosts, includes, what is unknown, what is refused."""

import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.server.portable.houses import EJABBERD
from xmppd.server.portable import reader
from xmppd.server.portable.ejabberd import main_file
from xmppd.server.portable.reader import PortableFile
from xmppd.server.portable.trees import events
from xmppd.server.portable.values import Found, SourceError

HEAD = "<?xml version='1.0' encoding='UTF-8'?>\n"
PIE = "xmlns='urn:xmpp:pie:0' xmlns:xi='http://www.w3.org/2001/XInclude'"
MANY = 20_000
ROOM = 4 * 1024 * 1024
"""What reading may need at most, however many accounts there are."""


class Files(SynchronousTestCase):
    """A directory with files; the main one is `main.xml`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.main = self.folder / "main.xml"

    def write(self, text: str, name: str = "main.xml") -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def found(self) -> list[str]:
        """Return the addresses of users, and what is said of trouble; lost things with a "!"."""
        return [
            f"{each.user.name}@{each.domain}"
            if isinstance(each, Found)
            else ("! " if each.lost else "") + each.text.replace(f"{self.folder}/", "")
            for each in PortableFile(self.main)
        ]

    def check(self, main: str, *expected: str) -> None:
        self.write(main)
        self.assertEqual(self.found(), list(expected))

    def server(self, inner: str) -> str:
        return f"{HEAD}<server-data {PIE}>\n{inner}\n</server-data>"

    def host(self, inner: str, jid: str = "a.example") -> str:
        return self.server(f"<host jid='{jid}'>{inner}</host>")


class StructureTests(Files):
    """Hosts and users."""

    def test_hosts(self) -> None:
        self.check(
            self.server(
                "<host jid='A.example'><user name='x'/>\n<user name='y'/></host> <host "
                "jid='b.example'/> <host jid='c.example'><user name='z'/></host>"
            ),
            "x@a.example",
            "y@a.example",
            "z@c.example",
        )

    def test_a_host_alone(self) -> None:
        self.check(f"<host {PIE} jid='a.example'><user name='x'/></host>", "x@a.example")

    def test_what_is_not_known(self) -> None:
        rooms = "<rooms xmlns='urn:r'><user xmlns='urn:xmpp:pie:0' name='no'/></rooms>"
        self.check(
            self.server(
                f"{rooms}<user name='no'/><host jid='a.example'>{rooms}<user name='x'/>"
                "<host jid='b.example'><user name='no'/></host></host>"
            ),
            "main.xml: <rooms xmlns='urn:r'/> is not known here",
            "! main.xml: <user xmlns='urn:xmpp:pie:0'/> is not known here",
            "main.xml: <rooms xmlns='urn:r'/> is not known here",
            "x@a.example",
            "! main.xml: <host xmlns='urn:xmpp:pie:0'/> is not known here",
        )

    def test_comments_and_instructions(self) -> None:
        self.check(self.host("<!-- x --><?x y?><user name='x'><!-- y --></user>"), "x@a.example")

    def test_hosts_and_users_without_usable_names(self) -> None:
        self.check(
            self.server("<host><user name='x'/></host>" + "<host jid='a.example'><user/></host>"),
            "! main.xml: all users of a host are left out: domainpart is empty",
            "! main.xml: the user '' of a.example cannot be read: localpart is empty",
        )

    def test_what_is_no_such_file(self) -> None:
        table = [
            ("<server-data/>", "is no file in the format of XEP-0227"),
            ("<html xmlns='urn:xmpp:pie:0'/>", "is no file in the format of XEP-0227"),
            ("", ":1: is not well-formed XML"),
            ("secret", ":1: is not well-formed XML"),
            (f"<server-data {PIE}", ":1: is not well-formed XML"),
            (f"<!DOCTYPE server-data><server-data {PIE}/>", "has a document type"),
        ]
        for text, why in table:
            with self.subTest(text=text):
                self.write(text)
                said = str(self.assertRaises(SourceError, self.found))
                self.assertTrue(said.startswith(str(self.main)), said)
                self.assertIn(why, said)
                self.assertNotIn("secret", said)

    def test_no_file_at_all(self) -> None:
        self.assertIn("is not there", str(self.assertRaises(SourceError, self.found)))
        os.mkfifo(self.main)
        self.assertIn("is no file", str(self.assertRaises(SourceError, self.found)))
        self.main = self.folder
        self.assertIn("is no file", str(self.assertRaises(SourceError, self.found)))

    def test_a_file_that_may_not_be_read(self) -> None:
        self.write(self.host(""))
        self.main.chmod(0)
        if os.geteuid() == 0:  # whom no mode keeps out
            self.assertEqual(self.found(), [])
        else:
            self.assertIn("cannot be read", str(self.assertRaises(SourceError, self.found)))

    def test_a_file_that_ends_too_early(self) -> None:
        users = "".join(f"<user name='u{number}'/>" for number in range(3))
        self.check(
            self.host(users).partition("</host>")[0],
            "u0@a.example",
            "u1@a.example",
            "u2@a.example",
            "! main.xml:3: is not well-formed XML",
        )

    def test_entities_are_not_resolved(self) -> None:
        self.write("secret", "secret.txt")
        doctype = f"<!DOCTYPE x [<!ENTITY e SYSTEM '{self.folder}/secret.txt'>]>"
        self.write(self.host("<user name='x'><a>&e;</a></user>").replace(HEAD, doctype))
        said = str(self.assertRaises(SourceError, self.found))
        self.assertIn("has a document type, which is not read", said)
        self.write(self.host("<user name='x'><a>&e;</a></user>"))
        self.assertEqual(self.found(), ["! main.xml:1: is not well-formed XML"])


class IncludeTests(Files):
    """XInclude (section 5)."""

    def test_the_layout_of_the_xep(self) -> None:
        self.write(self.server("<xi:include href='a.example.xml'/>"))
        includes = "".join(f"<xi:include href='a.example/{name}.xml'/>" for name in ("x", "y%20"))
        self.write(f"<host {PIE} jid='a.example'>{includes}</host>", "a.example.xml")
        self.write(f"<user {PIE} name='x'><xi:include href='part.xml'/></user>", "a.example/x.xml")
        self.write(f"<user {PIE} name='y'/>", "a.example/y .xml")
        self.write("<vCard xmlns='vcard-temp'><FN>X</FN></vCard>", "a.example/part.xml")
        self.assertEqual(self.found(), ["x@a.example", "y@a.example"])
        first = next(iter(PortableFile(self.main)))
        assert isinstance(first, Found)
        assert first.user.vcard is not None
        self.assertEqual(first.user.vcard.child("FN").text, "X")  # type: ignore[union-attr]  # it has one

    def test_what_ejabberd_wrote(self) -> None:
        self.main = main_file(EJABBERD)
        found = ["juliet@capulet.example", "nurse@capulet.example", "romeo@montague.example"]
        self.assertEqual(self.found(), found)

    def test_which_are_refused(self) -> None:
        self.write("<user/>", "x.xml")
        kind = "! main.xml: the include of {!r} is of a kind that is not read"
        out = "! main.xml: the include of {!r} leads out of " + str(self.folder)
        table = [
            ("href='http://example.org/x.xml'", "http://example.org/x.xml", kind),
            ("href='file:///etc/passwd'", "file:///etc/passwd", kind),
            ("href='//h/x.xml'", "//h/x.xml", kind),
            ("href='x.xml#y'", "x.xml#y", kind),
            ("href='x.xml?y'", "x.xml?y", kind),
            ("href=''", "", kind),
            ("", "", kind),
            ("href='x.xml' parse='xml'", "x.xml", kind),
            ("href='x.xml' xpointer='y'", "x.xml", kind),
            ("href='/etc/passwd'", "/etc/passwd", out),
            ("href='../x.xml'", "../x.xml", out),
            ("href='%2e%2e/x.xml'", "%2e%2e/x.xml", out),
        ]
        for attributes, href, said in table:
            with self.subTest(attributes=attributes):
                self.check(self.host(f"<xi:include {attributes}/>"), said.format(href))

    def test_links_do_not_lead_out(self) -> None:
        outside = Path(self.mktemp()).resolve()
        outside.write_text(f"<user {PIE} name='x'/>")
        (self.folder / "x.xml").symlink_to(outside)
        self.write(self.host("<xi:include href='x.xml'/>"))
        (said,) = self.found()
        self.assertIn("leads out of", said)

    def test_what_is_included_has_to_fit(self) -> None:
        self.write(self.host("<user name='no'/>"), "server.xml")
        self.write(f"<host {PIE} jid='b.example'><user name='y'/></host>", "host.xml")
        self.write(f"<user {PIE} name='z'/>", "user.xml")
        self.write("<", "broken.xml")
        known = "! {}.xml: <{} xmlns='urn:xmpp:pie:0'/> is not known here"
        table = [
            (self.server("<xi:include href='server.xml'/>"), known.format("server", "server-data")),
            (self.server("<xi:include href='user.xml'/>"), known.format("user", "user")),
            (self.server("<xi:include href='host.xml'/>"), "y@b.example"),
            (self.host("<xi:include href='host.xml'/>"), known.format("host", "host")),
            (self.host("<xi:include href='user.xml'/>"), "z@a.example"),
            (self.host("<xi:include href='main.xml'/>"), known.format("main", "server-data")),
            (
                self.host("<xi:include href='broken.xml'/>"),
                "! broken.xml:1: is not well-formed XML",
            ),
            (self.host("<xi:include href='gone.xml'/>"), "! gone.xml: is not there"),
        ]
        for main, expected in table:
            with self.subTest(main=main):
                self.check(main, expected)

    def test_parts_of_users(self) -> None:
        self.write("<", "broken.xml")
        part = "<user name='x'><xi:include href='{}'/></user>"
        table = [
            ("broken.xml", "! broken.xml:1: is not well-formed XML"),
            ("../x", f"! main.xml: the include of '../x' leads out of {self.folder}"),
        ]
        for href, said in table:
            with self.subTest(href=href):
                self.check(self.host(part.format(href)), said, "x@a.example")

    def test_includes_among_users_own_data_stay(self) -> None:
        inner = "<query xmlns='jabber:iq:private'><xi:include href='/etc/passwd'/></query>"
        self.write(self.host(f"<user name='x'>{inner}</user>"))
        (found,) = PortableFile(self.main)
        assert isinstance(found, Found)
        (kept,) = found.user.private
        self.assertEqual(kept.attrs, {"href": "/etc/passwd"})


class ManyTests(Files):
    """Servers with many accounts."""

    def test_memory_is_bounded(self) -> None:
        body = "<body>" + "x" * 100 + "</body>"
        one = (
            "<user name='u{}'><offline-messages><message xmlns='jabber:client' from='a@b'>"
            f"{body}</message></offline-messages></user>\n"
        )
        with self.main.open("w") as file:
            file.write(f"{HEAD}<server-data {PIE}><host jid='a.example'>")
            for number in range(MANY):
                file.write(one.format(number))
            file.write("</host></server-data>")
        # lxml's trees are not among what Python allocates: count what is in them.
        most = 0

        def watched(path: Path) -> Iterator[tuple[str, Any]]:
            nonlocal most
            for event, element in events(path):
                parent = element.getparent()
                most = max(most, 0 if parent is None else len(parent))
                yield event, element

        self.patch(reader, "events", watched)
        tracemalloc.start()
        try:
            names = sum(isinstance(found, Found) for found in PortableFile(self.main))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertEqual(names, MANY)
        self.assertLess(peak, ROOM)
        self.assertLess(most, MANY // 20)


class EjabberdTests(Files):
    """Where exports of ejabberd begin."""

    def test_the_latest_of_a_directory(self) -> None:
        for name in ("20260101-120000.xml", "20260101-120000_a_example.xml", "note.txt"):
            self.write("", name)
        latest = self.write("", "20260102-090000.xml")
        self.assertEqual(main_file(self.folder), latest)
        self.assertEqual(main_file(latest), latest)

    def test_directories_that_cannot_be_read(self) -> None:
        def refuse(path: Path) -> None:
            raise PermissionError(13, "Permission denied")

        self.patch(Path, "iterdir", refuse)
        said = str(self.assertRaises(SourceError, main_file, self.folder))
        self.assertEqual(said, f"{self.folder}: cannot be read (Permission denied)")

    def test_none(self) -> None:
        said = str(self.assertRaises(SourceError, main_file, self.folder))
        self.assertIn("there is no export of ejabberd", said)
