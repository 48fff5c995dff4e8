"""Makes Acme's user store of a string, `acme:/etc/acme/users.json` (twisted.cred.strcred)."""

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import ICheckerFactory
from twisted.plugin import IPlugin
from zope.interface import implementer

from acme.token import IToken


@implementer(IPlugin, ICheckerFactory)
class AcmeUsersFactory:
    """Lets any program of Twisted's that asks for user stores by strings have this one."""

    authType = "acme"
    authHelp = "Acme's users: the path of the JSON file which the web site writes."
    argStringFormat = "/path/of/users.json"
    credentialInterfaces = (IUsernamePassword, IToken)

    def generateChecker(self, argstring: str) -> ICredentialsChecker:
        """Read the file; raises OSError if it cannot be read, ValueError if it is no JSON."""
        from acme.users import AcmeUsers

        return AcmeUsers.of_file(argstring)
