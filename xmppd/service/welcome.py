"""What somebody is told who starts a server without any configuration: what to type next."""

import shlex
import shutil
import sys
from pathlib import Path

from xmppd.server.config import ServerConfig


def welcome(config: ServerConfig) -> str:
    """Return lines that can be pasted into a shell, with what a client has to be told."""
    host = config.hosts[0].name
    listen = config.listen
    address = listen.addresses[0]
    return f"""
xmppd is running for {host}, reachable from this machine only.

Add a user:

    cd {shlex.quote(str(config.data.parent))} && {_control()} user add juliet@{host}

Tell a client: account juliet@{host}, server {address}, port {listen.c2s}
(with TLS from the start: port {listen.c2s_tls}).

Let the client trust this authority, or accept the certificate when it asks:

    {config.development_directory / "ca.pem"}

Stop with Ctrl-C.
"""


def _control() -> str:
    """Return how to call xmppdctl from here: it may be in a virtual environment not entered."""
    beside = Path(sys.executable).with_name("xmppdctl")
    if shutil.which("xmppdctl"):
        return "xmppdctl"
    if beside.exists():
        return shlex.quote(str(beside))
    return f"{shlex.quote(sys.executable)} -m xmppd.service.control_client"
