Users can keep a vCard, XML of their clients' own and the time they were last available (``vcard``, ``private``, ``last``); an operator can have vCards shown to contacts alone.
