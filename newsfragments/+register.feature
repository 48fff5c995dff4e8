People can make accounts by their clients, change their passwords and remove their accounts (``register``, not on by default), within limits by address and hour.
