"""Makes the accounts of xmppd itself known among the user stores of twisted.cred.strcred."""

from xmppd.server.users import OwnAccounts

accounts = OwnAccounts()
