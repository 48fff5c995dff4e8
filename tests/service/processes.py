"""What tests that start processes share: an environment in which this source tree is found."""

import os
import socket
from pathlib import Path

ROOT = Path(__file__).parents[2]


def child_environment(**others: str) -> dict[str, str]:
    """Our environment, with this tree first on the path and nothing of the operator's."""
    environ = {name: value for name, value in os.environ.items() if name != "XMPPD_CONFIG"}
    environ.pop("NOTIFY_SOCKET", None)
    path = os.pathsep.join(filter(None, (str(ROOT), environ.get("PYTHONPATH"))))
    return {**environ, "PYTHONPATH": path, **others}


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that were free a moment ago."""
    bound = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in bound]
    for each in bound:
        each.close()
    return ports
