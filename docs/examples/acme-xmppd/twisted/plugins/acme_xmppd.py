"""What Acme adds to xmppd; the code is imported when a configuration asks for it."""

from acme.factory import AcmeUsersFactory
from xmppd.makers import MechanismMaker, ModuleMaker

greeting = ModuleMaker(
    "acme-greeting", "acme.greeting.Greeting", config="acme.greeting.GreetingSettings"
)
token = MechanismMaker(
    "X-ACME-TOKEN", "acme.token.TokenMechanism", credentials="acme.token.TokenCredentials"
)
users = AcmeUsersFactory()
