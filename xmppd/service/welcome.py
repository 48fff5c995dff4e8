"""What somebody is told who starts a server without any configuration: what to type next."""

import os
import shlex
import shutil
import sys
from pathlib import Path

from xmppd.server.config import ServerConfig


def welcome(config: ServerConfig) -> str:
    """Return what to do next; lines indented by four spaces can be pasted."""
    host = config.hosts[0].name
    listen = config.listen
    address = listen.addresses[0]
    authority = shlex.quote(str(config.development_directory / "ca.pem"))
    return f"""
xmppd is running for {host}, reachable from this machine only.

Add a user, in another terminal:

    (cd {shlex.quote(str(config.data.parent))} && {_control()} user add juliet@{host})

Connect, for example with profanity, and let it trust the authority of this server:

    SSL_CERT_FILE={authority} profanity
    /connect juliet@{host} server {address} port {listen.c2s}

Or with any other client: account juliet@{host}, server {address}, port {listen.c2s}
(with TLS from the start: port {listen.c2s_tls}).

Let all programs of this machine trust the authority (Debian, Ubuntu):

    {_as_root()}cp {authority} /usr/local/share/ca-certificates/xmppd-development.crt
    {_as_root()}update-ca-certificates

Stop with Ctrl-C.
"""


def _as_root() -> str:
    return "" if os.geteuid() == 0 else "sudo "


def _control() -> str:
    """Return how to call xmppdctl from here: it may be in a virtual environment not entered."""
    beside = Path(sys.executable).with_name("xmppdctl")
    if shutil.which("xmppdctl"):
        return "xmppdctl"
    if beside.exists():
        return shlex.quote(str(beside))
    return f"{shlex.quote(sys.executable)} -m xmppd.service.control_client"
