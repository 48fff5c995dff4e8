"""A host with the features on that a server has without being told."""

from functools import cache

from twisted.plugins import xmppd_builtin
from xmppd.makers import ModuleMaker
from xmppd.testing.fake_host import FakeHost, Loading

MESSAGING = ("roster", "presence", "subscriptions", "probes", "offline", "last", "blocking")
"""Those that RFC 6121 is about, and what comes between."""


def makers() -> list[ModuleMaker]:
    """Return what declares the modules that are on by default."""
    found = [each for each in vars(xmppd_builtin).values() if isinstance(each, ModuleMaker)]
    return [maker for maker in found if maker.default]


@cache
def features() -> dict[str, Loading]:
    """Return those modules by their names, with their default settings."""
    return {maker.name: (maker.load(), _settings(maker)) for maker in makers()}


def _settings(maker: ModuleMaker) -> tuple[object, ...]:
    settings = maker.settings_type()
    return () if settings is None else (settings(),)


def shipped(domain: str = "example.org", beside: FakeHost | None = None) -> FakeHost:
    """Return a host with those modules."""
    host = FakeHost(domain, beside=beside)
    host.load_all(features())
    return host


def messaging(domain: str = "example.org", beside: FakeHost | None = None) -> FakeHost:
    """Return a host with those of them that RFC 6121 is about, which is made in less time."""
    host = FakeHost(domain, beside=beside)
    chosen = {name: each for name, each in features().items() if name in MESSAGING}
    assert len(chosen) == len(MESSAGING)
    host.load_all(chosen)
    return host
