"""Public helpers for testing xmppd and its extensions without sockets.

`FakeHost` is a host with everything around it; its sessions and remote entities send and receive
XML text::

    host = FakeHost()
    host.load(Ping)
    juliet = host.login("juliet/balcony")
    juliet.sends("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
    juliet.receives(
        "<iq type='result' id='1' from='juliet@example.org' to='juliet@example.org/balcony'/>"
    )
"""
