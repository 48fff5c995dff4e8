"""Asking the server that the DNS names for a domain whether a key is its own (XEP-0220 2.1.2).

Each question has a connection of its own, never the one that the key came over.
"""

from collections import Counter

from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from xmppd.net.networks import network_of
from xmppd.s2s.dialback import Answer, Outcome, Request
from xmppd.s2s.dialled import DialledStream
from xmppd.s2s.dialling import Dialler
from xmppd.s2s.negotiating import Greeting, ask
from xmppd.s2s.pairs import Pair, Proof
from xmppd.s2s.shares import owner
from xmppd.s2s.surroundings import Surroundings
from xmppd.s2s.unreached import NOT_FOUND, TIMEOUT, Step, Unreached

PER_DOMAIN = 4
"""How many questions one domain is asked at a time: others could have us bother it."""

SHARE = 4
"""One network may have us ask this part of all questions: others need some, too.

So may keys for domains of one owner, from wherever they come.
"""

PLACES = 4
"""How many places of a domain are tried: whoever has it asked could name very many."""

_CONDITIONS = {
    Step.POLICY: "policy-violation",
    Step.LOOKUP: "remote-server-not-found",
    Step.CONNECT: "remote-connection-failed",
    Step.TLS: "remote-connection-failed",
    Step.CERTIFICATE: "not-authorized",
    Step.STREAM: "remote-server-timeout",
    Step.PROOF: "remote-server-timeout",
}

_TOLD = (Step.POLICY, Step.CERTIFICATE, Step.PROOF)
"""What strangers are told in detail. The rest says which names, addresses and ports there are."""


class NotVerified(Exception):
    """A key is not proven to be right.

    - `condition`: the dialback error for who has shown it (XEP-0220 2.5); "" if it is known to be
      wrong.
    - `text`: a sentence without its stop, for an operator of ours.
    - `told`: one for who has shown the key. It does not say what is found where, or strangers
      could have us look for it.
    """

    def __init__(self, condition: str, text: str, told: str = "") -> None:
        super().__init__(text)
        self.condition = condition
        self.text = text
        self.told = told or text


class Verifier:
    """Asks about keys; `len()` tells how many questions there are at the moment."""

    def __init__(self, around: Surroundings, dialler: Dialler) -> None:
        self._around = around
        self._dialler = dialler
        self._asked: Counter[str] = Counter()
        self._networks: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._asked.total()

    def verify(
        self, question: Request, address: str, *, certified: bool = False
    ) -> "Deferred[Proof]":
        """Fire with how it was proven that a key is right. Fails with `NotVerified`.

        - `address`: the IP address the key has come from.
        - `certified`: whether the stream it has come over bears a certificate valid for the domain;
          if not, whoever is asked has to show one, unless the domain's policy does without.

        It takes `verification_seconds` at most, from looking for the server to its answer.
        """
        domain, network = question.to, network_of(address)
        if self._is_too_much(domain, network):
            return fail(NotVerified("resource-constraint", "too many keys are being asked about"))
        counted = ((self._asked, domain), (self._networks, network), (self._owners, owner(domain)))
        for counter, name in counted:
            counter[name] += 1

        def done(result: object) -> object:
            for counter, name in counted:
                _count_down(counter, name)
            return result

        def late(_: Proof | Failure, seconds: float) -> Proof:
            text = f"{domain} could not be asked about the key"
            raise NotVerified(TIMEOUT, f"{text} within {seconds:g} seconds", text)

        asking: Deferred[Proof] = Deferred.fromCoroutine(self._verify(question, certified))
        asking.addBoth(done)
        around = self._around
        return asking.addTimeout(around.settings.verification_seconds, around.clock, late)

    def _is_too_much(self, domain: str, network: str) -> bool:
        most = self._around.settings.verifications
        share = max(1, most // SHARE)
        return (
            len(self) >= most
            or self._asked[domain] >= PER_DOMAIN
            or self._networks[network] >= share
            or self._owners[owner(domain)] >= share
        )

    async def _verify(self, question: Request, certified: bool) -> Proof:
        async def use(stream: DialledStream, greeting: Greeting, _: bool) -> tuple[Answer, bool]:
            answer = await ask(stream, question)
            stream.close("the key was asked about")
            return answer, greeting.judgement is not None and greeting.judgement.valid

        pair = Pair(question.from_, question.to)
        try:
            answer, valid = await self._dialler.reach(pair, use, proven=certified, places=PLACES)
        except Unreached as error:
            raise _not_verified(error, question.to) from None
        if answer.outcome is Outcome.INVALID:
            raise NotVerified("", f"{question.to} says that the key is wrong")
        if answer.outcome is Outcome.ERROR:  # XEP-0220 2.5 wants it so
            raise NotVerified(NOT_FOUND, f"{question.to} was asked ({answer.condition})")
        return Proof.DIALBACK_CERTIFICATE if valid or certified else Proof.DIALBACK


def _not_verified(error: Unreached, domain: str) -> NotVerified:
    condition = _CONDITIONS[error.step]
    if error.step is Step.LOOKUP and not error.final:
        condition = TIMEOUT
    if error.condition == NOT_FOUND:
        condition = NOT_FOUND
    told = "" if error.step in _TOLD else f"{domain} could not be asked about the key"
    return NotVerified(condition, error.text, told)


def _count_down(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if not counter[name]:
        del counter[name]
