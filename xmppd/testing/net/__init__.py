"""The parts of `xmppd.testing.network`: time, dice, links, machines, clients."""
