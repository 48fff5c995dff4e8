Gateways, bots and other programs can connect as external components (XEP-0114) and serve domains of their own; ``xmppdctl component list`` shows them.
