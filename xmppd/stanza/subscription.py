"""Presence subscriptions: the nine states and what each stanza does in them (RFC 6121 appendix A).

A state is that of one contact from the point of view of one user. `sent` says what becomes of a
stanza the user sends, `received` of one that comes for the user; both look it up in the tables of
the appendix, which stand here as they stand there.
"""

from dataclasses import dataclass
from enum import Enum

SUBSCRIBE, UNSUBSCRIBE = "subscribe", "unsubscribe"
SUBSCRIBED, UNSUBSCRIBED = "subscribed", "unsubscribed"
TYPES = (SUBSCRIBE, UNSUBSCRIBE, SUBSCRIBED, UNSUBSCRIBED)
"""The types of presence stanzas that manage subscriptions."""


class Subscription(Enum):
    """One of the nine states (A.1)."""

    NONE = "none"
    NONE_OUT = "none+out"
    NONE_IN = "none+in"
    NONE_OUT_IN = "none+out+in"
    TO = "to"
    TO_IN = "to+in"
    FROM = "from"
    FROM_OUT = "from+out"
    BOTH = "both"

    @property
    def name_for_client(self) -> str:
        """What the `subscription` attribute of a roster item says (2.1.2.5)."""
        return self.value.partition("+")[0]

    @property
    def sees(self) -> bool:
        """Whether the user has a subscription to the contact's presence."""
        return self in (Subscription.TO, Subscription.TO_IN, Subscription.BOTH)

    @property
    def is_seen(self) -> bool:
        """Whether the contact has a subscription to the user's presence."""
        return self in (Subscription.FROM, Subscription.FROM_OUT, Subscription.BOTH)

    @property
    def asks(self) -> bool:
        """Whether a request of the user waits for the contact ("Pending Out")."""
        return self.value.endswith("+out") or self is Subscription.NONE_OUT_IN

    @property
    def is_asked(self) -> bool:
        """Whether a request of the contact waits for the user ("Pending In")."""
        return self.value.endswith("+in")


@dataclass(frozen=True, slots=True)
class Step:
    """What a stanza does.

    - `passes`: whether it is routed to the contact, or delivered to the user.
    - `state`: the state afterwards.
    - `reply`: the type of the stanza the server answers with on the user's behalf, "" for none.
    - `approves`: whether it is a pre-approval of a request still to come (3.4).
    """

    passes: bool
    state: Subscription
    reply: str = ""
    approves: bool = False


_N, _NO, _NI, _NOI, _T, _TI, _F, _FO, _B = Subscription

_SENT = {
    SUBSCRIBE: {  # Table 2
        _N: Step(True, _NO),
        _NO: Step(True, _NO),
        _NI: Step(True, _NOI),
        _NOI: Step(True, _NOI),
        _T: Step(True, _T),
        _TI: Step(True, _TI),
        _F: Step(True, _FO),
        _FO: Step(True, _FO),
        _B: Step(True, _B),
    },
    UNSUBSCRIBE: {  # Table 3
        _N: Step(True, _N),
        _NO: Step(True, _N),
        _NI: Step(True, _NI),
        _NOI: Step(True, _NI),
        _T: Step(True, _N),
        _TI: Step(True, _NI),
        _F: Step(True, _F),
        _FO: Step(True, _F),
        _B: Step(True, _F),
    },
    SUBSCRIBED: {  # Table 4
        _N: Step(False, _N, approves=True),
        _NO: Step(False, _NO, approves=True),
        _NI: Step(True, _F),
        _NOI: Step(True, _FO),
        _T: Step(False, _T, approves=True),
        _TI: Step(True, _B),
        _F: Step(False, _F),
        _FO: Step(False, _FO),
        _B: Step(False, _B),
    },
    UNSUBSCRIBED: {  # Table 5
        _N: Step(False, _N),
        _NO: Step(False, _NO),
        _NI: Step(True, _N),
        _NOI: Step(True, _NO),
        _T: Step(False, _T),
        _TI: Step(True, _T),
        _F: Step(True, _N),
        _FO: Step(True, _NO),
        _B: Step(True, _T),
    },
}

_RECEIVED = {
    SUBSCRIBE: {  # Table 6
        _N: Step(True, _NI),
        _NO: Step(True, _NOI),
        _NI: Step(False, _NI),
        _NOI: Step(False, _NOI),
        _T: Step(True, _TI),
        _TI: Step(False, _TI),
        _F: Step(False, _F, SUBSCRIBED),
        _FO: Step(False, _FO, SUBSCRIBED),
        _B: Step(False, _B, SUBSCRIBED),
    },
    UNSUBSCRIBE: {  # Table 7
        _N: Step(False, _N),
        _NO: Step(False, _NO),
        _NI: Step(True, _N, UNSUBSCRIBED),
        _NOI: Step(True, _NO, UNSUBSCRIBED),
        _T: Step(False, _T),
        _TI: Step(True, _T, UNSUBSCRIBED),
        _F: Step(True, _N, UNSUBSCRIBED),
        _FO: Step(True, _NO, UNSUBSCRIBED),
        _B: Step(True, _T, UNSUBSCRIBED),
    },
    SUBSCRIBED: {  # Table 8
        _N: Step(False, _N),
        _NO: Step(True, _T),
        _NI: Step(False, _NI),
        _NOI: Step(True, _TI),
        _T: Step(False, _T),
        _TI: Step(False, _TI),
        _F: Step(False, _F),
        _FO: Step(True, _B),
        _B: Step(False, _B),
    },
    UNSUBSCRIBED: {  # Table 9
        _N: Step(False, _N),
        _NO: Step(True, _N),
        _NI: Step(False, _NI),
        _NOI: Step(True, _NI),
        _T: Step(True, _N),
        _TI: Step(True, _NI),
        _F: Step(False, _F),
        _FO: Step(True, _F),
        _B: Step(True, _F),
    },
}

_GRANTED = {_N: _F, _NO: _FO, _T: _B}


def sent(type: str, state: Subscription) -> Step:
    """Return what a stanza of that type (one of `TYPES`) does when the user sends it (A.2)."""
    return _SENT[type][state]


def received(type: str, state: Subscription, approved: bool = False) -> Step:
    """Return what a stanza of that type (one of `TYPES`) does when it comes from the contact (A.3).

    `approved`: whether the user has approved a request beforehand, which then is granted without
    being shown (3.4.2).
    """
    if type == SUBSCRIBE and approved and state in _GRANTED:
        return Step(False, _GRANTED[state], SUBSCRIBED)
    return _RECEIVED[type][state]
