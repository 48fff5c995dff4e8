"""How to come to each state of a contact's item by stanzas alone (RFC 6121 A.1)."""

from tests.im.subscription_table import ADD, Item

USER, CONTACT = 0, 1

Step = tuple[int, str]
"""Who sends, and what: a type of presence, or `ADD` for a roster set."""

PUT = (USER, ADD)
ASK, GRANT = (USER, "subscribe"), (USER, "subscribed")
ASKED, GRANTED = (CONTACT, "subscribe"), (CONTACT, "subscribed")

WAYS: dict[Item, tuple[Step, ...]] = {
    Item("None", listed=False): (),
    Item("None", listed=True): (PUT,),
    Item("None", listed=True, approved=True): (GRANT,),
    Item("None + Pending Out", listed=True): (ASK,),
    Item("None + Pending Out", listed=True, approved=True): (GRANT, ASK),
    Item("None + Pending In", listed=False): (ASKED,),
    Item("None + Pending In", listed=True): (PUT, ASKED),
    Item("None + Pending Out+In", listed=True): (ASKED, ASK),
    Item("To", listed=True): (ASK, GRANTED),
    Item("To", listed=True, approved=True): (ASK, GRANT, GRANTED),
    Item("To + Pending In", listed=True): (ASK, GRANTED, ASKED),
    Item("From", listed=True): (ASKED, GRANT),
    Item("From + Pending Out", listed=True): (ASKED, GRANT, ASK),
    Item("Both", listed=True): (ASK, GRANTED, ASKED, GRANT),
    # Where the server forgets an approval it has used (3.4.2), these lead to those above.
    Item("From", listed=True, approved=True): (GRANT, ASKED),
    Item("From + Pending Out", listed=True, approved=True): (GRANT, ASKED, ASK),
    Item("Both", listed=True, approved=True): (GRANT, ASKED, ASK, GRANTED),
}
