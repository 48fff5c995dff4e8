"""What processes with a client or component share: requests on standard input, events on output.

Both are JSON objects, one on a line: {"do": "ping", "to": "..."} and so on. The first line that is
written is {"event": "ready"}; a request that makes no sense ends the process with a traceback.
"""

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slixmpp.exceptions import IqError


def say(event: str, **fields: object) -> None:
    """Tell of an event."""
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


async def asked(answer: Awaitable[Any], read: Callable[[Any], dict[str, object]]) -> None:
    """Tell of the answer to an IQ, by what `read` returns of it, or of its error."""
    try:
        iq = await answer
    except IqError as error:
        say("error", condition=error.condition)
    else:
        say("answer", **read(iq))


def serve(known: Mapping[str, Callable[..., Awaitable[None]]]) -> None:
    """Take requests, each for the function of its name, until standard input ends."""
    logging.basicConfig(level=logging.DEBUG)
    asyncio.run(_serve(known))


async def _serve(known: Mapping[str, Callable[..., Awaitable[None]]]) -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    say("ready")
    async for line in lines:
        request = json.loads(line)
        await known[request.pop("do")](**request)
