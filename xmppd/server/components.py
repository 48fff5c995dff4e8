"""What a configuration says of components: bounds, secrets, and where each is listed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from xmppd.api.registrations import Item
from xmppd.component.settings import ComponentSettings
from xmppd.server.bounds import stream_limits
from xmppd.server.config import ComponentConfig, ServerConfig
from xmppd.stanza.jid import JID

COMPONENTS_FEATURE = "components"
"""The name under which a host lists its components, beside its modules."""

_MOST = 4096  # bytes of a secret


class SecretError(Exception):
    """The secret of a component cannot be read; one plain sentence, without the secret."""


def read_secrets(components: Iterable[ComponentConfig]) -> dict[str, bytes]:
    """Return the components' secrets by domain. Raises `SecretError`."""
    return {component.name: _secret(component) for component in components}


def _secret(component: ComponentConfig) -> bytes:
    if component.secret_file is None:
        return component.secret.encode()
    secret = _read(component.secret_file).strip(b"\r\n")
    if not secret:
        raise SecretError(f"{component.secret_file}: is empty; put the component's secret there")
    if len(secret) > _MOST or b"\n" in secret:
        raise SecretError(f"{component.secret_file}: is no secret, which is one line")
    return secret


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(2 * _MOST)
    except OSError as error:
        raise SecretError(f"{path}: cannot be read ({error.strerror})") from None


def listed(config: ServerConfig) -> Iterator[tuple[str, list[Item]]]:
    """Yield the hosts that have components, with the items to list (XEP-0030 section 4).

    A component is of the host it is a subdomain of; the nearest, if there are several.
    """
    for host in config.hosts:
        items = [
            Item(JID.make("", component.name))
            for component in config.components
            if component.listed and _parent(component, config) == host.name
        ]
        if items:
            yield host.name, items


def _parent(component: ComponentConfig, config: ServerConfig) -> str:
    above = (host.name for host in config.hosts if component.name.endswith(f".{host.name}"))
    return max(above, key=len, default="")


def component_settings(config: ServerConfig) -> ComponentSettings:
    """Return what of the configuration concerns components' streams."""
    limits = config.limits
    return ComponentSettings(
        limits=stream_limits(limits, limits.component_stanza_bytes),
        backlog_bytes=limits.component_backlog_bytes,
        slow_reader_seconds=limits.slow_reader_seconds,
        inbox_stanzas=limits.component_inbox_stanzas,
        inbox_bytes=limits.component_inbox_bytes,
        negotiation_seconds=limits.negotiation_seconds,
        idle_seconds=limits.idle_seconds,
        answer_seconds=limits.answer_seconds,
        strangers=limits.unauthenticated_per_address,
    )
