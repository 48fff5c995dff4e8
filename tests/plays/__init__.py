"""What plays in tests have to spell out often."""


def refusal(
    condition: str,
    *,
    to: str,
    from_: str = "",
    kind: str = "iq",
    id: str = "",
    type: str = "cancel",
    text: str = "",
) -> str:
    """Return the error stanza of that condition (RFC 6120 8.3.2); `from_` is left out if empty.

    So is `id` where it may be: an IQ always has one (8.3.1, rule 3).
    """
    sender = f" from='{from_}'" if from_ else ""
    number = f" id='{id}'" if id or kind == "iq" else ""
    ns = "urn:ietf:params:xml:ns:xmpp-stanzas"
    words = f"<text xmlns='{ns}' xml:lang='en'>{text}</text>" if text else ""
    return (
        f"<{kind} type='error'{number}{sender} to='{to}'>"
        f"<error type='{type}'><{condition} xmlns='{ns}'/>{words}</error></{kind}>"
    )
