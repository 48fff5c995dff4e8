"""What must hold in a federation once all is mended, everybody is there and nothing under way."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.network.scenario import Scenario
from tests.network.watcher import DOUBT, Watcher, said
from xmppd.stanza.jid import JID
from xmppd.stanza.stanza import Stanza
from xmppd.testing.network import NetworkClient
from xmppd.wire.namespaces import DELAY, ROSTER

Rosters = dict[JID, dict[str, str]]

UNREACHED = "remote-server"
"""How the conditions of errors begin for what could not be sent to another server."""

CROSSING = 5.0
"""Within how many seconds two stanzas may pass each other on their ways."""

ASK_FOR_ROSTER = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"


class Checks:
    """The invariants; what is legal and yet worth knowing is counted in the scenario's `counts`."""

    def __init__(self, scenario: Scenario, watcher: Watcher) -> None:
        self._scenario = scenario
        self._network = scenario.network
        self._returned = watcher.returned
        self._begun = watcher.begun
        self._opened = watcher.opened
        self._counts = scenario.counts
        self._handed: dict[str, list[tuple[NetworkClient, Stanza]]] = defaultdict(list)
        # Errors that an account's own server has given to a device, past the account: of whom its
        # user has blocked, for one (XEP-0191 3.3).
        self._refused: dict[str, list[str]] = defaultdict(list)
        for client in scenario.clients():
            for got in client.got:  # not all of what is handed to a session comes
                if got.stanza.kind == "message" and got.stanza.type != "error":
                    self._handed[got.stanza.id].append((client, got.stanza))
        self._errors: dict[str, list[tuple[NetworkClient, float]]] = defaultdict(list)
        for client in scenario.clients():
            for got in client.got:
                if got.stanza.kind == "message" and got.stanza.type == "error":
                    self._errors[got.stanza.id].append((client, got.when))
                    text = said(got.stanza)
                    if text not in self._returned.get(got.stanza.id, []):
                        self._refused[got.stanza.id].append(text)

    def all(self) -> Iterator[str]:
        """Yield what does not hold, in words."""
        yield from self._forgeries()
        yield from self._messages()
        for client in self._scenario.clients():
            yield from self._order(client)
            yield from self._arrived(client)
            yield from self._answers(client)
        yield from self._subscriptions()

    def _forgeries(self) -> Iterator[str]:
        """Nothing forged arrives, and nothing is given to who is no server of the federation."""
        forged = set(self._scenario.forged)
        for client in self._scenario.clients():
            for stanza in client.handed:
                if stanza.id in forged:
                    yield f"{stanza.id} was forged and has come to {client.jid}"
        for stolen in self._scenario.stolen:
            yield f"an attacker was given {stolen}"

    # Messages.

    def _messages(self) -> Iterator[str]:
        for client in self._scenario.clients():
            for sent in client.sent:
                if sent.stanza.kind == "message":
                    yield from self._fate(client.jid, sent.stanza, sent.accepted)
                    yield from self._seen(client.jid, sent.stanza, sent.when)

    def _fate(self, sender: JID, stanza: Stanza, accepted: bool) -> Iterator[str]:
        """Each is delivered or returned, once, and both only where nobody could know."""
        id, counts = stanza.id, self._counts
        handed = self._handed.get(id, [])
        returned = [*self._returned.get(id, []), *self._refused.get(id, [])]
        if len(self._errors[id]) == 1 and len(set(returned)) == 1:
            del returned[1:]  # who was told has left before it was sent, and came back
        doubted = [text for text in returned if text.endswith(DOUBT)]
        delivered = bool(handed) or (id.startswith("n") and len(doubted) < len(returned))
        counts["delivered"] += bool(handed)
        counts["kept for who was away"] += any(each.has("delay", DELAY) for _, each in handed)
        counts["returned"] += bool(returned)
        counts["in doubt"] += bool(doubted)
        counts["delivered and returned in doubt"] += bool(handed and doubted)
        counts["lost before it was accepted"] += not (accepted or delivered or returned)
        again = len(returned) > 1 and sender.domainpart in self._scenario.crashed
        counts["returned again after a crash"] += again
        if len(returned) - len(doubted) > 1 or (len(doubted) > 1 and not again):
            yield f"{id} was returned {len(returned)} times: {returned}"
        if handed and len(doubted) < len(returned):
            yield f"{id} was delivered and returned: {returned}"
        if self._scenario.calm(_domains(sender, stanza)):
            if doubted:
                yield f"{id} was in doubt though nothing went wrong"
            elif id.startswith("m") and any(text.startswith(UNREACHED) for text in returned):
                yield f"{id} was returned though nothing went wrong: {returned}"
        if accepted and not (delivered or returned):
            yield from self._lost(sender, stanza)
        yield from self._twice(id, handed)

    def _seen(self, sender: JID, stanza: Stanza, when: float) -> Iterator[str]:
        """Who has written what could not be sent sees that, at whatever device, however late."""
        id = stanza.id
        if not any(text.startswith(UNREACHED) for text in self._returned.get(id, [])):
            return
        seen = [each for each in self._errors[id] if each[0].jid.bare == sender.bare]
        for client, told in seen:
            since = max(at for at in self._opened[client.jid] if at <= told)
            self._counts["returned to who came back"] += since > when
        assert stanza.to is not None
        if sender.domainpart in self._scenario.bad_disks:
            return  # a session ends with the commit that its stanzas have waited for
        if not seen and not self._scenario.blocked(sender, stanza.to):
            yield f"{id} was returned and {sender.bare} has not seen it"

    def _lost(self, sender: JID, stanza: Stanza) -> Iterator[str]:
        """Only what servers do not acknowledge to each other may be lost, or left on a bad disk.

        And errors: those are not kept; a crash may come between forgetting a message and saying so.
        """
        assert stanza.to is not None
        domains = _domains(sender, stanza)
        calm = self._scenario.calm(domains)
        if domains & self._scenario.bad_disks:
            self._counts["lost by a bad disk"] += 1
        elif self._scenario.blocked(sender, stanza.to):
            # What is returned comes from whom its sender wants to hear nothing of any more.
            self._counts["returned to who has blocked the other"] += 1
        elif self._is_refused(sender, stanza) and not calm:
            self._counts["errors lost"] += 1
        elif stanza.id in self._begun and sender.domainpart in self._scenario.crashed:
            self._counts["lost as it was being returned"] += 1
        elif not (calm or self._scenario.counting(domains)):
            self._counts["lost without acknowledgements"] += 1
        else:
            yield f"{stanza.id} was accepted and is lost"

    def _is_refused(self, sender: JID, stanza: Stanza) -> bool:
        """Tell whether the other server, once it has a message, answers it with an error."""
        assert stanza.to is not None
        return stanza.id.startswith("n") or self._scenario.blocked(stanza.to, sender)

    def _twice(self, id: str, handed: list[tuple[NetworkClient, Stanza]]) -> Iterator[str]:
        """Nothing comes twice to a device, unless a crash has taken away that it had come.

        Then it is what was kept once, the time at which that was included.
        """
        for client, stanzas in _by_client(handed).items():
            if len(stanzas) == 1:
                continue
            again = len({stanza.to_bytes() for stanza in stanzas}) == 1
            if (
                again
                and stanzas[0].has("delay", DELAY)
                and client.jid.domainpart in self._scenario.crashed
            ):
                self._counts["given again after a crash"] += 1
            else:
                yield f"{id} was delivered {len(stanzas)} times to {client.jid}"

    def _order(self, client: NetworkClient) -> Iterator[str]:
        """What goes from one device to one address arrives in its order.

        What was returned in doubt may come after all, when its sender has given its connection up
        and goes on over another one: what was on its way over the first can be the slower.
        """
        last: dict[tuple[JID | None, JID | None], int] = {}
        for id, stanza in _first_times(client.handed):
            pair, number = (stanza.from_, stanza.to), int(id[1:])
            if number > last.get(pair, -1):
                last[pair] = number
            elif any(text.endswith(DOUBT) for text in self._returned.get(id, [])):
                self._counts["late, and returned in doubt"] += 1
            else:
                yield f"{id} has come to {client.jid} behind m{last[pair]}"

    def _arrived(self, client: NetworkClient) -> Iterator[str]:
        """Who is there has got all that was written for it."""
        got = Counter(each.stanza.id for each in client.got)
        for id, _ in _first_times(client.handed_now()):
            if not got[id]:
                yield f"{id} was written for {client.jid} and has not come"

    def _answers(self, client: NetworkClient) -> Iterator[str]:
        """Nothing is answered twice."""
        answers = Counter(
            each.stanza.id
            for each in client.got
            if each.stanza.kind == "iq" and each.stanza.type in ("result", "error")
        )
        self._counts["answers"] += len(answers)
        for id, count in answers.items():
            if count > 1:
                yield f"{id} was answered {count} times"

    # Subscriptions.

    def _subscriptions(self) -> Iterator[str]:
        """Who believes to see somebody does."""
        rosters: Rosters = {}
        for client in self._scenario.clients():
            if client.jid.bare in rosters:
                continue
            found = self._roster(client)
            if found is None:
                yield f"{client.jid} cannot have its roster"
            else:
                rosters[client.jid.bare] = found
        by_name = {str(owner): items for owner, items in rosters.items()}
        for owner, items in by_name.items():
            for contact, mine in items.items():
                theirs = by_name.get(contact, {}).get(owner, "none")
                yield from self._agree(owner, mine, contact, theirs)

    def _agree(self, owner: str, mine: str, contact: str, theirs: str) -> Iterator[str]:
        sees, seen = mine in ("to", "both"), theirs in ("from", "both")
        self._counts["subscriptions"] += sees and seen
        if sees and not seen:
            yield f"{owner} believes to see {contact}, whose roster says {theirs!r}"
        shows, shown = mine in ("from", "both"), theirs in ("to", "both")
        if shows and not shown:
            # A lost `unsubscribe` is nothing that RFC 6121 has a remedy for.
            self._counts["farewells lost"] += 1
            if self._scenario.quiet and not self._have_crossed(owner, contact):
                yield f"{owner} shows itself to {contact}, whose roster says {theirs!r}"

    def _have_crossed(self, owner: str, contact: str) -> bool:
        """Tell whether somebody was denied just as they asked again.

        The denial, which comes behind what they have asked, takes that back on their side alone.
        """
        denied = self._times(owner, contact, "unsubscribed")
        asked = self._times(contact, owner, "subscribe")
        return any(abs(one - other) < CROSSING for one in denied for other in asked)

    def _times(self, owner: str, contact: str, type: str) -> list[float]:
        """Return when an account has sent somebody presence of that type."""
        return [
            sent.when
            for client in self._scenario.clients()
            if str(client.jid.bare) == owner
            for sent in client.sent
            if (sent.stanza.kind, sent.stanza.type) == ("presence", type)
            and str(sent.stanza.to) == contact
        ]

    def _roster(self, client: NetworkClient) -> dict[str, str] | None:
        self._scenario.enter(client)
        if not client.online:
            return None
        before = len(client.got)
        client.send(ASK_FOR_ROSTER)
        self._network.run_until(lambda: any(map(_roster_in, client.got_since(before))), 5)
        found = [each for each in map(_roster_in, client.got_since(before)) if each is not None]
        return found[0] if found else None


def _roster_in(stanza: Stanza) -> dict[str, str] | None:
    query = stanza.child("query", ROSTER)
    if stanza.type != "result" or query is None:
        return None
    return {
        item.attrs["jid"]: item.attrs.get("subscription", "none") for item in query.elements("item")
    }


def _domains(sender: JID, stanza: Stanza) -> set[str]:
    assert stanza.to is not None
    return {sender.domainpart, stanza.to.domainpart}


def _by_client(
    handed: list[tuple[NetworkClient, Stanza]],
) -> dict[NetworkClient, list[Stanza]]:
    found: dict[NetworkClient, list[Stanza]] = defaultdict(list)
    for client, stanza in handed:
        found[client].append(stanza)
    return found


def _first_times(stanzas: list[Stanza]) -> Iterator[tuple[str, Stanza]]:
    """Yield the messages of people to people, each the first time it comes."""
    seen = set()
    for stanza in stanzas:
        if stanza.kind == "message" and stanza.id.startswith("m") and stanza.type == "chat":
            if stanza.id not in seen:
                yield stanza.id, stanza
            seen.add(stanza.id)
