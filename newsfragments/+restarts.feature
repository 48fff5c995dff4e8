Tests of extensions can stop or kill a server and start it again, with ``FakeHost.restarted()`` and ``FakeHost.crashed()``.
