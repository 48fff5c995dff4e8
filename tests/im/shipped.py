"""A host with the features on that a server has without being told."""

from twisted.plugins import xmppd_builtin
from xmppd.makers import ModuleMaker
from xmppd.testing.fake_host import FakeHost

MESSAGING = ("roster", "presence", "subscriptions", "probes", "offline", "last", "blocking")
"""Those that RFC 6121 is about, and what comes between."""


def makers() -> list[ModuleMaker]:
    """Return what declares the modules that are on by default."""
    found = [each for each in vars(xmppd_builtin).values() if isinstance(each, ModuleMaker)]
    return [maker for maker in found if maker.default]


def shipped(domain: str = "example.org", beside: FakeHost | None = None) -> FakeHost:
    """Return a host with those modules, by their names and with their default settings."""
    return _load(FakeHost(domain, beside=beside), makers())


def messaging(domain: str = "example.org", beside: FakeHost | None = None) -> FakeHost:
    """Return a host with those of them that RFC 6121 is about, which is made in less time."""
    chosen = [maker for maker in makers() if maker.name in MESSAGING]
    assert len(chosen) == len(MESSAGING)
    return _load(FakeHost(domain, beside=beside), chosen)


def _load(host: FakeHost, makers: list[ModuleMaker]) -> FakeHost:
    for maker in makers:
        settings = maker.settings_type()
        host.load(maker.load(), *([settings()] if settings else []), name=maker.name)
    return host
