"""What an operator can do where another server cannot be reached."""

from xmppd.s2s.pairs import Pair
from xmppd.s2s.unreached import Cause, Step, Unreached


def advice(trouble: Unreached, pair: Pair) -> str:
    """Return what to do about it, in whole sentences."""
    said = _BY_STEP[trouble.step] if trouble.cause is None else _BY_CAUSE[trouble.cause]
    return said.format(remote=pair.remote, local=pair.local, table=f'[s2s.domain."{pair.remote}"]')


_BY_STEP = {
    Step.POLICY: "Change s2s.allowed or s2s.blocked if that is not what you want.",
    Step.LOOKUP: (
        "Is the name right? Those who run {remote} have to publish where it is; if you know, set "
        "host in {table}."
    ),
    Step.CONNECT: (
        "The server is down, or something on the way keeps the port closed: see whether other "
        "servers can be reached, and whether your own firewall lets connections out."
    ),
    Step.TLS: (
        "Those who run {remote} have to see to its TLS, which has to be of version 1.2 or 1.3; "
        "without it, traffic is possible only if require_tls and require_valid_certificate are "
        "false in {table}."
    ),
    Step.CERTIFICATE: (
        "Those who run {remote} have to install another certificate. To do without, set "
        "require_valid_certificate = false in {table}; then only the DNS says who they are."
    ),
    Step.STREAM: (
        "Try again later. If it stays so, ask those who run {remote} what their log says; what "
        "answers there may be something else than an XMPP server."
    ),
    Step.PROOF: (
        "Is the certificate of {local} valid, and does the DNS lead other servers to this one? "
        "xmppdctl check looks at both."
    ),
}

_BY_CAUSE = {
    Cause.NO_NAME: (
        "Is the name right? If so, those who run {remote} have to see to its entries in the DNS; "
        "if you know where it is, set host in {table}."
    ),
    Cause.NO_SERVICE: (
        "Those who run {remote} have said in the DNS, by an SRV record that leads nowhere, that it "
        "does not talk to other servers. Only they can change that."
    ),
    Cause.NO_ANSWER: (
        "See whether the DNS servers that this machine asks can be reached and know other names: "
        "they are those of servers in [dns], by default those in /etc/resolv.conf. If names of "
        "{remote} alone get no answer, its own DNS servers do not work."
    ),
    Cause.ALIASES: "Those who run {remote} have to see to its entries in the DNS.",
    Cause.NOT_PUBLIC: (
        "If that is right, because {remote} is in a network of your own, set "
        "allow_private_addresses = true, or host, in {table}. If not, those who run {remote} have "
        "to see to its entries in the DNS."
    ),
    Cause.ONLY_IPV6: (
        "There are only IPv6 addresses for {remote}: see whether this machine reaches others by "
        "IPv6. If it does, the server is down, or something on the way keeps the port closed."
    ),
    Cause.NO_ENCRYPTION: (
        "Those who run {remote} have to install a certificate and offer TLS; without it, traffic "
        "is possible only if require_tls and require_valid_certificate are false in {table}."
    ),
    Cause.EXPIRED: (
        "Those who run {remote} have to renew it, and to have their server use the new one. Until "
        "then, require_valid_certificate = false in {table} does without."
    ),
    Cause.EARLY: (
        "Is the clock of this machine right? If so, those who run {remote} have to wait, or to "
        "install another certificate."
    ),
    Cause.UNTRUSTED: (
        "Those who run {remote} have to install one of a public authority, with those in between. "
        "If you know theirs to be right, put it, or that of its authority, into a file, and name "
        "that as ca in {table}."
    ),
    Cause.MISNAMED: (
        "Those who run {remote} have to install one that names just this domain; that of the host "
        "which the DNS leads to will not do. Or is it another server that answers there?"
    ),
    Cause.NOT_SERVED: (
        "Is the name right? If so, those who run {remote} have to see to its entries in the DNS, "
        "which lead to that server, or have that server serve it."
    ),
    Cause.NOT_WELCOME: (
        "Ask those who run {remote}: their log says why they refuse {local}. xmppdctl check shows "
        "whether something is wrong with this server."
    ),
    Cause.ELSEWHERE: (
        "Those who run {remote} have to publish in the DNS where it is. A server may send us on a "
        "few times, not in circles, to a place that has a proper name or address, and not where "
        "host or port is set in {table}; set host there if you know the right one."
    ),
    Cause.NOT_NOW: (
        "Try again later; this server does so by itself. If it stays so, ask those who run "
        "{remote}."
    ),
    Cause.NO_WAY_TO_PROVE: (
        "Is the certificate of {local} valid, and from an authority that others know? xmppdctl "
        "check looks at it. If so, those who run {remote} have to believe it, or to allow dialback."
    ),
    Cause.NOT_CONFIRMED: (
        "They have asked the server that the DNS names for {local}: does the DNS lead other "
        "servers to this one? There may be a second one. xmppdctl check looks at the DNS."
    ),
    Cause.NOT_ASKED: (
        "They have not reached the server that the DNS names for {local}: does the DNS lead to "
        "this one, and does your firewall let others in? xmppdctl check looks at the DNS."
    ),
}
