"""Whether a stream gives the same events at once, however it is cut up on its way.

Run as a script it reports for the interpreter that runs it, whose expat may be one that puts off
parsing (see `xmppd.wire.holdback`); it needs the standard library alone.
"""

import sys
from collections.abc import Iterator

from tests.wire.streams import HEADER, feed_all, new_parser
from xmppd.wire.holdback import HoldBack

# Each piece completes one event with its last byte.
PIECES = (
    b"<?xml version='1.0' encoding='UTF-8' standalone='yes'                              ?>"
    b"<s:stream to='\xc3\xa9.example' version='1.0' xml:lang=\"de\" a='>' xmlns='jabber:client'"
    b" xmlns:s='http://etherx.jabber.org/streams' >",
    b"\r\n <presence/>",
    b"<presence id='a>b' to=\"c>'d'>e\" from='\"&apos;/>' />",
    b"<message id='1'><body>a &lt;b&gt; &amp; &#233; &#x1D11E; c]]</body></message>",
    b"<message\tid='2'\n><body><![CDATA[ <body> & ]] ]> ]]]]><![CDATA[>]]></body\n></message\r\n>",
    "<message id='3'><body>\u00ef \u20ac \U0001d11e\U0001d11e ]] \r\n\r</body></message>".encode(),
    b"<iq type='get' id='4'><query xmlns='jabber:iq:roster'/>text<x y='>'/><x y=\">\"></x></iq>",
    b"<s:features><x xmlns='urn:x' a='1>0'/></s:features>",
    b"<message id='5'><s:x a='>'>]]</s:x><body xmlns='jabber&#58;client'>x</body></message>",
    b"\n\t <a xmlns='urn:a'><![CDATA[]]></a>",
    b" \r\n</s:stream >",
)
BIG_BODY = "0123 &lt;>&amp;\u20ac] " * 5000
BIG = (
    HEADER,
    f"<message><body>{BIG_BODY}</body></message>".encode(),
    b"<iq id='>'/>",
    b"</stream:stream>",
)


def marks(pieces: tuple[bytes, ...]) -> list[int]:
    """Return the positions behind each piece."""
    ends = [0]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return ends[1:]


def problem(pieces: tuple[bytes, ...], chunks: list[bytes], hold_back: bool | None) -> str | None:
    """Feed the stream of these pieces as chunks and tell what was late or different, if anything.

    Tried reading on and reading one by one.
    """
    ends = marks(pieces)
    expected = feed_all(new_parser(hold_back=hold_back), [b"".join(pieces)])
    if len(expected) != len(pieces):
        return f"{len(expected)} events in one piece"
    for one_by_one in (False, True):
        parser = new_parser(one_by_one=one_by_one, hold_back=hold_back)
        events: list[object] = []
        fed = 0
        for chunk in chunks:
            fed += len(chunk)
            events += feed_all(parser, [chunk])
            due = sum(end <= fed for end in ends)
            if events != expected[:due]:
                return f"after byte {fed} of {[len(c) for c in chunks[:4]]}...: {events[-1:]}"
    return None


def ways(pieces: tuple[bytes, ...]) -> Iterator[list[bytes]]:
    """Yield the stream cut in two at each position, and into small pieces of many sizes.

    A long stream is cut only near where something begins or ends.
    """
    data = b"".join(pieces)
    middle = range(200, len(data) - 100)
    for at in range(1, len(data)):
        if len(data) < 10000 or at not in middle or at % 4001 < 4:
            yield [data[:at], data[at:]]
    for size in (1, 2, 3, 7, 61, 1460) if len(data) < 10000 else (1, 1460):
        yield [data[at : at + size] for at in range(0, len(data), size)]


def problems(hold_back: bool | None) -> list[str]:
    """Return what went wrong first with each stream."""
    found = []
    for pieces in (PIECES, BIG):
        troubles = (problem(pieces, chunks, hold_back) for chunks in ways(pieces))
        found.append(next(filter(None, troubles), None))
    return [text for text in found if text]


# What `HoldBack` is to see in a stream: markup it must keep until it is whole, text, and CDATA.
MARKUP, TEXT, CDATA = range(3)
TOKENS = (
    (MARKUP, b"<?xml version='1.0' a='>?' ?>"),
    (TEXT, b"\r\n"),
    (MARKUP, b"<a>"),
    (TEXT, b" > \" ' ; ]]> \xe2\x82\xac"),
    (MARKUP, b"<b c='>' d=\"/>'\" e = '\"' >"),
    (MARKUP, b"</b\n>"),
    (MARKUP, b"&amp;"),
    (MARKUP, b"&#x1D11E;"),
    (TEXT, b"x"),
    (MARKUP, b"<c f='&lt;>'/>"),
    (MARKUP, b"<![CDATA["),
    (CDATA, b"]]>"),
    (MARKUP, b"<![CDATA["),
    (CDATA, b"<d '> & ]] ]>]]]]>"),
    (MARKUP, b"<![CDATA["),
    (CDATA, b"<![CDATA[]]>"),
    (TEXT, b"'"),
    (MARKUP, b"</a>"),
)


def _released(fed: int) -> int:
    """Return how much of the tokens may be parsed once so many bytes are there."""
    start = 0
    for kind, token in TOKENS:
        if start + len(token) > fed:
            return {MARKUP: start, TEXT: fed, CDATA: max(start, fed - 2)}[kind]
        start += len(token)
    return fed


def held_wrongly() -> list[str]:
    """Return where tags were let through that were not whole, or held that were."""
    data = b"".join(token for _, token in TOKENS)
    found = []
    for at in range(len(data)):
        for size in (1, 2, 5, 11, len(data)):
            hold = HoldBack()
            released = hold.release(data[:at])
            fed = at
            while len(released) == _released(fed) and len(hold) == fed - len(released):
                if fed == len(data):
                    break
                released += hold.release(data[fed : fed + size])
                fed = min(len(data), fed + size)
            else:
                found.append(f"{len(released)} bytes at {fed} of {at} and by {size}")
    return found


if __name__ == "__main__":
    trouble = problems(None) + problems(True) + held_wrongly()
    print("\n".join(trouble))
    sys.exit(bool(trouble))
