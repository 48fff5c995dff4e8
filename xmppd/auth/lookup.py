"""Finding the account a name stands for, whichever preparation the name went through."""

from xmppd.api.storage import Account, Accounts
from xmppd.stanza.prep import skeleton


async def find_account(accounts: Accounts, name: str) -> Account | None:
    """The account called `name`, else the one that shares its skeleton, else None.

    A client or a store that still prepares names by stringprep (RFC 6122 appendix A) so comes to
    the account made under PRECIS, and the other way round. Every call makes the same two reads,
    whatever they find. Raises ValueError for a name no account can have.
    """
    alike = skeleton(name)
    exact = await accounts.get(name)
    similar = await accounts.find(alike)
    return similar if exact is None else exact
