Tests of extensions can run a network of whole servers in one process, with crashes, partitions, lost connections and a failing DNS, and make any run again by its seed (``xmppd.testing.network``).
