"""The keys of the settings file, and the variable of the environment that each stands for. Pure.

Keys are called as those who run the product before know them; some together make an address.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct


class KeyKind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    SWITCH = "true or false"
    LIST = "list"
    SECRET = "secret"  # noqa: S105 - a kind
    """Also as `<key>File`, which names a file that holds it."""
    SECRETS = "list of secrets"


class SettingKey(Struct, frozen=True):
    """`variable` None: a part of the address that the table's other parts make up."""

    path: str
    variable: str | None
    text: str
    kind: KeyKind = KeyKind.TEXT


def _address(table: str, variable: str, what: str) -> tuple[SettingKey, ...]:
    """A PostgreSQL database: one URL, or its parts."""
    return (
        SettingKey(f"{table}.url", variable, f"{what}, as one `postgresql://` URL", KeyKind.SECRET),
        SettingKey(f"{table}.host", None, "or its parts: host"),
        SettingKey(f"{table}.port", None, "port, 5432", KeyKind.NUMBER),
        SettingKey(f"{table}.database", None, "name"),
        SettingKey(f"{table}.user", None, "role"),
        SettingKey(f"{table}.password", None, "its password", KeyKind.SECRET),
        SettingKey(
            f"{table}.ssl", None, "`true` (as `require`), `false`, or an `sslmode` such as `verify-full`"
        ),
    )


DATABASES: Final = {
    "iwd.db": "OPENIWD_DATABASE_URL",
    "datamart.db": "OPENIWD_MART_DATABASE_URL",
    "datamart.gim": "OPENIWD_INFO_MART_URL",
}
"""Tables whose parts make up a PostgreSQL address."""

_IWD: Final = (
    SettingKey("iwd.host", "OPENIWD_HOST", "where it listens, 127.0.0.1"),
    SettingKey("iwd.port", "OPENIWD_PORT", "of API and UI, 4024", KeyKind.NUMBER),
    SettingKey(
        "iwd.distributePort", "OPENIWD_DISTRIBUTE_PORT", "of `openiwd distribute`, 4025", KeyKind.NUMBER
    ),
    SettingKey("iwd.address", "OPENIWD_ADDRESS", "URL under which other processes reach this one"),
    SettingKey("iwd.publicUrl", "OPENIWD_PUBLIC_URL", "under which browsers reach this installation"),
    SettingKey("iwd.dataDir", "OPENIWD_DATA_DIR", "of `openiwd up`: where its database and keys are"),
    SettingKey("iwd.captureDir", "OPENIWD_CAPTURE_DIR", "below it lie the folders of file capture points"),
    SettingKey("iwd.secretKey", "OPENIWD_SECRET_KEY", "what stored secrets are sealed with", KeyKind.SECRETS),
    SettingKey(
        "iwd.platformKey", "OPENIWD_PLATFORM_KEY", "the key that makes tenants by API", KeyKind.SECRET
    ),
    SettingKey(
        "iwd.connectionBudget", "OPENIWD_CONNECTION_BUDGET", "connections to PostgreSQL, 60", KeyKind.NUMBER
    ),
    SettingKey(
        "iwd.awakeTenants", "OPENIWD_AWAKE_TENANTS", "with more tenants some rest, 25", KeyKind.NUMBER
    ),
    SettingKey(
        "iwd.tenantTemplate", "OPENIWD_TENANT_TEMPLATE", "database that those of tenants are copied from"
    ),
    SettingKey(
        "iwd.trustedProxies", "OPENIWD_TRUSTED_PROXIES", "addresses and networks of gateways", KeyKind.LIST
    ),
    SettingKey(
        "iwd.outboundAllow", "OPENIWD_OUTBOUND_ALLOW", "inner networks that may be asked", KeyKind.LIST
    ),
    SettingKey(
        "iwd.drainSeconds", "OPENIWD_DRAIN_SECONDS", "how long it answers after SIGTERM", KeyKind.NUMBER
    ),
    SettingKey("iwd.logLevel", "OPENIWD_LOG_LEVEL", "`debug`, `info`, `warning`, `error`"),
    *_address("iwd.db", "OPENIWD_DATABASE_URL", "the control database"),
)
_SHARED: Final = (
    SettingKey("redis.nodes", "OPENIWD_REDIS_URL", "`host:port`, or a list of them", KeyKind.LIST),
    SettingKey("redis.useCluster", "OPENIWD_REDIS_CLUSTER", "the nodes are a cluster's", KeyKind.SWITCH),
    SettingKey("redis.enableTLS", None, "speak TLS", KeyKind.SWITCH),
    SettingKey("redis.user", None, "name to log in with"),
    SettingKey("redis.password", "OPENIWD_REDIS_PASSWORD", "its password", KeyKind.SECRET),
    SettingKey("redis.database", None, "number, 0", KeyKind.NUMBER),
    SettingKey("redis.prefix", "OPENIWD_REDIS_PREFIX", "of all keys, `openiwd`"),
    SettingKey(
        "redis.timeoutMs", "OPENIWD_REDIS_TIMEOUT_MS", "before a request does without, 250", KeyKind.NUMBER
    ),
    SettingKey("redis.caFile", "OPENIWD_REDIS_CA", "file of the authorities to believe"),
    SettingKey("redis.certFile", "OPENIWD_REDIS_CERT", "file of our own certificate"),
    SettingKey("redis.keyFile", "OPENIWD_REDIS_KEY", "file of its key"),
    SettingKey("elasticsearch.host", "OPENIWD_SEARCH_URL", "host, URL, or a list of them", KeyKind.LIST),
    SettingKey("elasticsearch.port", None, "port of hosts that name none, 9200", KeyKind.NUMBER),
    SettingKey("elasticsearch.enableTLS", None, "speak TLS with hosts that are no URLs", KeyKind.SWITCH),
    SettingKey("elasticsearch.user", "OPENIWD_SEARCH_USER", "name to log in with"),
    SettingKey("elasticsearch.password", "OPENIWD_SEARCH_PASSWORD", "its password", KeyKind.SECRET),
    SettingKey("elasticsearch.caFile", "OPENIWD_SEARCH_CA_FILE", "file of the authorities to believe"),
    SettingKey("elasticsearch.prefix", "OPENIWD_SEARCH_PREFIX", "of all indexes, `openiwd`"),
    SettingKey("limits.key", "OPENIWD_LIMIT_KEY", "requests of an API key, per second/at once, or `off`"),
    SettingKey("limits.user", "OPENIWD_LIMIT_USER", "of a user"),
    SettingKey("limits.address", "OPENIWD_LIMIT_ADDRESS", "of an address"),
    SettingKey("limits.login", "OPENIWD_LIMIT_LOGIN", "attempts to log in as one user"),
    SettingKey("limits.loginAddress", "OPENIWD_LIMIT_LOGIN_ADDRESS", "attempts to log in from one address"),
    SettingKey("monitoring.port", "OPENIWD_METRICS_PORT", "of metrics and health, 10052", KeyKind.NUMBER),
    SettingKey(
        "monitoring.customaryMetrics",
        "OPENIWD_CUSTOMARY_METRICS",
        "the names of the product before as well",
        KeyKind.SWITCH,
    ),
    SettingKey(
        "monitoring.certificates",
        "OPENIWD_CERTIFICATES",
        "files of certificates whose end is told",
        KeyKind.LIST,
    ),
)
_MART: Final = (
    SettingKey("datamart.tenant", "OPENIWD_MART_TENANT", "whose mart it is, `main`"),
    SettingKey("datamart.restUrl", "OPENIWD_IWD_URL", "where IWD answers"),
    SettingKey("datamart.apiKey", "OPENIWD_MART_API_KEY", "the mart's key at IWD", KeyKind.SECRET),
    SettingKey("datamart.timeZone", "OPENIWD_MART_TIME_ZONE", "of the days in reports, `UTC`"),
    SettingKey(
        "datamart.scheduleInterval",
        "OPENIWD_MART_INTERVAL_SECONDS",
        "seconds between runs of `datamart serve`, 15",
        KeyKind.NUMBER,
    ),
    SettingKey(
        "datamart.executionChain", "OPENIWD_MART_CHAIN", "of `datamart run`: `intraday`, `historical`, `full`"
    ),
    SettingKey("datamart.biPassword", "OPENIWD_BI_PASSWORD", "of the role `openiwd_bi`", KeyKind.SECRET),
    SettingKey(
        "datamart.serverUrl",
        "OPENIWD_MART_SERVER_URL",
        "of `serve`: any database of the marts' server",
        KeyKind.SECRET,
    ),
    *_address("datamart.db", "OPENIWD_MART_DATABASE_URL", "the mart's database"),
    *_address("datamart.gim", "OPENIWD_INFO_MART_URL", "Genesys Info Mart"),
    SettingKey("gauth.auth.url", "OPENIWD_MART_GWS_AUTH_URL", "where the mart gets its token of GWS"),
    SettingKey(
        "gauth.auth.redirectUrl",
        "OPENIWD_PUBLIC_URL",
        "where browsers come back after a log-in: scheme and host are `iwd.publicUrl`",
    ),
    SettingKey("gws.url", "OPENIWD_MART_GWS_URL", "GWS, for the mart"),
    SettingKey("gws.clientId", "OPENIWD_MART_GWS_CLIENT_ID", "the mart's client there"),
    SettingKey("gws.clientSecret", "OPENIWD_MART_GWS_CLIENT_SECRET", "its secret", KeyKind.SECRET),
    SettingKey("gws.apiKey", "OPENIWD_MART_GWS_API_KEY", "sent as `x-api-key`", KeyKind.SECRET),
    SettingKey("gws.contactCenterId", "OPENIWD_MART_CONTACT_CENTER_ID", "the tenant's contact centre"),
    SettingKey("nexus.url", "OPENIWD_MART_DIGITAL_CHANNELS_URL", "Digital Channels, for the mart"),
    SettingKey("nexus.apikey", "OPENIWD_MART_GWS_API_KEY", "as `gws.apiKey`", KeyKind.SECRET),
)
_MAIL: Final = (
    SettingKey("email.url", "OPENIWD_URL", "where IWD answers, for the email service"),
    SettingKey("email.keys", "OPENIWD_EMAIL_KEYS", "an API key of each tenant", KeyKind.SECRETS),
    SettingKey("email.megabytes", "OPENIWD_EMAIL_MEGABYTES", "128: of messages held at once", KeyKind.NUMBER),
    SettingKey("email.metricsPort", "OPENIWD_EMAIL_METRICS_PORT", "unset: no metrics", KeyKind.NUMBER),
    SettingKey("email.gmailUrl", "OPENIWD_GMAIL_URL", "where Gmail answers"),
    SettingKey("email.graphUrl", "OPENIWD_GRAPH_URL", "where Microsoft Graph answers"),
    SettingKey("email.googleTokenUrl", "OPENIWD_GOOGLE_TOKEN_URL", "where Google gives out tokens"),
    SettingKey("email.googleConsentUrl", "OPENIWD_GOOGLE_CONSENT_URL", "where Google asks for consent"),
    SettingKey("email.microsoftLoginUrl", "OPENIWD_MICROSOFT_LOGIN_URL", "where Microsoft gives out tokens"),
)

KEYS: Final[tuple[SettingKey, ...]] = (*_IWD, *_SHARED, *_MAIL, *_MART)
SECRET_KINDS: Final = frozenset({KeyKind.SECRET, KeyKind.SECRETS})

_HEAD: Final = """\
`OPENIWD_CONFIG=/etc/openiwd/openiwd.toml` names a TOML file that every process and command reads at its start.
A variable of the environment wins over its key. A secret may stand in a file of its own:
`passwordFile = "/run/secrets/redis"`. A key that is not here, or a value of another kind, ends the process with
its name. What each setting does, and its value in the chart: [operations](../operations/configuration.md). What
belongs to a tenant (its connection to GWS, mailboxes, capture points) is set in its UI or by the API; `gauth`,
`gws` and `nexus` are the data mart's own.

```toml
[iwd]
connectionBudget = 60
secretKeyFile = "/run/secrets/secret-key"

[iwd.db]
host = "postgres"
database = "openiwd"
user = "openiwd"
passwordFile = "/run/secrets/postgres-password"
ssl = "verify-full"

[redis]
nodes = ["redis-1:6379", "redis-2:6379"]
useCluster = true
enableTLS = true
```
"""


def documentation() -> str:
    """The page of the settings file."""
    lines = [
        "# Keys of the settings file",
        "",
        "Made from `openiwd.domain.setting_key` by `openiwd reference`; do not edit.",
        "",
        _HEAD,
        "| key | kind | variable | what it says |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| `{key.path}` | {key.kind.value} | {f'`{key.variable}`' if key.variable else ''} | {key.text} |"
        for key in KEYS
    ]
    return "\n".join([*lines, ""])
