"""What comes with xmppd and can be named in its configuration; mechanisms the strongest first."""

from xmppd.makers import MechanismMaker, ModuleMaker, StoreMaker, Xep

disco = ModuleMaker(
    "disco",
    "xmppd.modules.disco.Disco",
    xeps=(Xep("0030", "2.5.0"), Xep("0128", "1.0.1")),
    default=True,
)
ping = ModuleMaker("ping", "xmppd.modules.ping.Ping", xeps=(Xep("0199", "2.0.1"),), default=True)
version = ModuleMaker(
    "version",
    "xmppd.modules.version.Version",
    config="xmppd.modules.version.VersionSettings",
    xeps=(Xep("0092", "1.1"),),
    default=True,
)
vcard = ModuleMaker(
    "vcard",
    "xmppd.modules.vcard.VCards",
    config="xmppd.modules.vcard.VCardSettings",
    xeps=(Xep("0054", "1.3.0"),),
    default=True,
)
private = ModuleMaker(
    "private",
    "xmppd.modules.private.PrivateStorage",
    config="xmppd.modules.private.PrivateSettings",
    xeps=(Xep("0049", "1.2"),),
    default=True,
)
last = ModuleMaker(
    "last",
    "xmppd.modules.last.LastActivity",
    config="xmppd.modules.last.LastSettings",
    xeps=(Xep("0012", "2.0"),),
    default=True,
)
caps = ModuleMaker(
    "caps",
    "xmppd.modules.caps.Caps",
    config="xmppd.modules.caps.CapsSettings",
    xeps=(Xep("0115", "1.6.0"),),
    default=True,
)
register = ModuleMaker(
    "register",
    "xmppd.modules.register.InBandRegistration",
    config="xmppd.modules.register.RegisterSettings",
    xeps=(Xep("0077", "2.4", note="without the error codes of old"),),
)
commands = ModuleMaker(
    "commands",
    "xmppd.modules.commands.AdHocCommands",
    config="xmppd.modules.commands.CommandsSettings",
    xeps=(
        Xep("0050", "1.3.0", note="texts are English whatever language is asked for"),
        Xep("0004", "2.13.2"),
        Xep("0068", "1.3.0"),
    ),
    default=True,
)
admin = ModuleMaker(
    "admin",
    "xmppd.modules.admin.Admin",
    xeps=(
        Xep("0133", "1.3.1", "partial", "what xmppdctl can do; no message of the day, no lists"),
    ),
    default=True,
)
contacts = ModuleMaker(
    "contacts",
    "xmppd.modules.contacts.Contacts",
    config="xmppd.modules.contacts.ContactsSettings",
    xeps=(Xep("0157", "1.1.1"),),
    default=True,
)
outage = ModuleMaker(
    "outage",
    "xmppd.modules.outage.Outage",
    config="xmppd.modules.outage.OutageSettings",
    xeps=(Xep("0455", "0.4.0", note="the status is kept and served elsewhere"),),
    default=True,
)
limits_notice = ModuleMaker(
    "limits-notice",
    "xmppd.modules.limits_notice.LimitsNotice",
    xeps=(Xep("0478", "0.2.0", "partial", "streams of clients"),),
    default=True,
)
time = ModuleMaker("time", "xmppd.modules.time.Time", xeps=(Xep("0202", "2.0"),), default=True)
session = ModuleMaker("session", "xmppd.modules.session.Rfc3921Session", default=True)
roster = ModuleMaker(
    "roster",
    "xmppd.modules.roster.Rosters",
    config="xmppd.modules.roster.RosterSettings",
    xeps=(Xep("0237", "1.3"),),
    default=True,
)
presence = ModuleMaker(
    "presence",
    "xmppd.modules.presence.PresenceSessions",
    config="xmppd.modules.presence.PresenceSettings",
    default=True,
)

subscriptions = ModuleMaker(
    "subscriptions",
    "xmppd.modules.subscriptions.Subscriptions",
    config="xmppd.modules.subscriptions.SubscriptionSettings",
    default=True,
)
probes = ModuleMaker("probes", "xmppd.modules.probes.Probes", default=True)
reunion = ModuleMaker("reunion", "xmppd.modules.reunion.Reunion", default=True)
blocking = ModuleMaker(
    "blocking",
    "xmppd.modules.blocking.feature.Blocking",
    config="xmppd.modules.blocking.feature.BlockingSettings",
    xeps=(Xep("0191", "1.3"),),
    default=True,
)
delay = ModuleMaker(
    "delay",
    "xmppd.modules.delay.Delays",
    xeps=(Xep("0203", "2.0", note="what is forged in the name of the server is removed"),),
    default=True,
)
offline = ModuleMaker(
    "offline",
    "xmppd.modules.offline.feature.OfflineMessages",
    config="xmppd.modules.offline.feature.OfflineSettings",
    xeps=(
        Xep("0160", "1.0.1"),
        Xep("0203", "2.0", note="what was kept says since when it has waited"),
        Xep("0334", "1.0.0", "partial", "what is kept until it is delivered; there is no archive"),
    ),
    default=True,
)

external = MechanismMaker(
    "EXTERNAL", "xmppd.sasl.external.External", xeps=(Xep("0178", "1.2"),), default=True
)
scram_sha_512_plus = MechanismMaker(
    "SCRAM-SHA-512-PLUS", "xmppd.sasl.scram.Scram", arguments=("SHA-512", True), default=True
)
scram_sha_256_plus = MechanismMaker(
    "SCRAM-SHA-256-PLUS", "xmppd.sasl.scram.Scram", arguments=("SHA-256", True), default=True
)
scram_sha_1_plus = MechanismMaker(
    "SCRAM-SHA-1-PLUS", "xmppd.sasl.scram.Scram", arguments=("SHA-1", True), default=True
)
scram_sha_512 = MechanismMaker(
    "SCRAM-SHA-512", "xmppd.sasl.scram.Scram", arguments=("SHA-512",), default=True
)
scram_sha_256 = MechanismMaker(
    "SCRAM-SHA-256", "xmppd.sasl.scram.Scram", arguments=("SHA-256",), default=True
)
scram_sha_1 = MechanismMaker(
    "SCRAM-SHA-1", "xmppd.sasl.scram.Scram", arguments=("SHA-1",), default=True
)
plain = MechanismMaker("PLAIN", "xmppd.sasl.plain.Plain", weak_in_clear=True, default=True)
digest_md5 = MechanismMaker("DIGEST-MD5", "xmppd.sasl.digest_md5.DigestMd5", weak_in_clear=True)
anonymous = MechanismMaker(
    "ANONYMOUS", "xmppd.sasl.anonymous.Anonymous", xeps=(Xep("0175", "1.2"),)
)

memory = StoreMaker("memory", "xmppd.server.stores.memory")
sqlite = StoreMaker(
    "sqlite", "xmppd.server.stores.sqlite", config="xmppd.server.stores.SqliteSettings"
)

# What the server does itself, whatever is configured, by the part that does it.
CORE = {
    "everywhere": (Xep("0082", "1.1.1"),),
    "clients": (
        Xep("0368", "1.1.0"),
        Xep("0440", "1.0.0"),
        Xep("0474", "0.5.0"),
    ),
    "other servers": (
        Xep("0178", "1.2"),
        Xep("0185", "1.0"),
        Xep("0198", "1.6.3", "partial", "among servers, without resumption"),
        Xep("0220", "1.1.1", note="several domains on streams that others make, not on our own"),
        Xep("0288", "1.0.1"),
        Xep("0368", "1.1.0"),
        Xep("0495", "0.1.0"),
    ),
    "components": (Xep("0114", "1.6"),),
    "moving accounts": (Xep("0227", "1.1"),),
    "documentation": (Xep("0453", "0.1.2", note="doap.xml, beside these pages"),),
}
