"""The description of xmppd for programs, `doap.xml` beside the pages (XEP-0453).

It is made of the code like the lists of `docs._ext.lists`.
"""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from sphinx.application import Sphinx

from docs._ext.lists import supported, url

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
DOAP = "http://usefulinc.com/ns/doap#"
XMPP = "https://linkmauve.fr/ns/xmpp-doap#"
RFCS = ("6120", "6121", "7590", "7622")


def doap(version: str) -> bytes:
    """Return the document; `version` is the release it is about."""
    for prefix, namespace in (("rdf", RDF), ("", DOAP), ("xmpp", XMPP)):
        ET.register_namespace(prefix, namespace)
    root = ET.Element(f"{{{RDF}}}RDF")
    project = ET.SubElement(root, f"{{{DOAP}}}Project")
    for name, text in (
        ("name", "xmppd"),
        ("shortdesc", "An XMPP server in Python on Twisted"),
        ("programming-language", "Python"),
        ("os", "POSIX"),
    ):
        ET.SubElement(project, f"{{{DOAP}}}{name}").text = text
    _link(project, f"{{{DOAP}}}license", "https://spdx.org/licenses/MIT.html")
    _link(project, f"{{{DOAP}}}category", f"{XMPP}category-server")
    for number in RFCS:
        _link(project, f"{{{DOAP}}}implements", f"https://xmpp.org/rfcs/rfc{number}.html")
    _xeps(project)
    release = ET.SubElement(project, f"{{{DOAP}}}release")
    described = ET.SubElement(release, f"{{{DOAP}}}Version")
    ET.SubElement(described, f"{{{DOAP}}}revision").text = version
    ET.indent(root)
    written: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _xeps(project: ET.Element) -> None:
    for xep, _ in supported():
        implements = ET.SubElement(project, f"{{{DOAP}}}implements")
        one = ET.SubElement(implements, f"{{{XMPP}}}SupportedXep")
        _link(one, f"{{{XMPP}}}xep", url(xep))
        ET.SubElement(one, f"{{{XMPP}}}status").text = xep.completeness
        ET.SubElement(one, f"{{{XMPP}}}version").text = xep.version
        if xep.note:
            ET.SubElement(one, f"{{{XMPP}}}note").text = xep.note


def _link(parent: ET.Element, name: str, target: str) -> None:
    ET.SubElement(parent, name, {f"{{{RDF}}}resource": target})


def write(app: Sphinx, failed: Exception | None) -> None:
    """Put the document beside the pages that were built."""
    if failed is None:
        (Path(app.outdir) / "doap.xml").write_bytes(doap(app.config.release))


def setup(app: Sphinx) -> dict[str, Any]:
    """Have Sphinx make the document at the end of each build."""
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
