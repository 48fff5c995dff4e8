Ad-hoc commands (XEP-0050): modules offer them, clients list and run them in steps, back and forth.
