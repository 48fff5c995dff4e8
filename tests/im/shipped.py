"""A host with all features on that a server has without being told."""

from twisted.plugins import xmppd_builtin
from xmppd.makers import ModuleMaker
from xmppd.testing.fake_host import FakeHost


def makers() -> list[ModuleMaker]:
    """Return what declares the modules that are on by default."""
    found = [each for each in vars(xmppd_builtin).values() if isinstance(each, ModuleMaker)]
    return [maker for maker in found if maker.default]


def shipped(domain: str = "example.org", beside: FakeHost | None = None) -> FakeHost:
    """Return a host with those modules, by their names and with their default settings."""
    host = FakeHost(domain, beside=beside)
    for maker in makers():
        settings = maker.settings_type()
        host.load(maker.load(), *([settings()] if settings else []), name=maker.name)
    return host
