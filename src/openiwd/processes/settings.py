"""Settings: the only reader of the environment. Validated at start, with a precise message for each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Struct

from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.email.cloud import CloudAddresses
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.gws import GwsSettings
from openiwd.domain.network_address import Network, read_networks
from openiwd.domain.rate_limit import Limits
from openiwd.processes.settings_file import with_file
from openiwd.processes.sharing_settings import read_limits, read_redis
from openiwd.usecases.mart_run import Chain

DEFAULT_PORT = 4024
DEFAULT_DISTRIBUTE_PORT = 4025
DEFAULT_METRICS_PORT = 10052
SECRET_KEY_LENGTH = 32


LOCAL_PROXIES: Final = ("127.0.0.1/32", "::1/128")


class SearchSettings(Struct, frozen=True, kw_only=True):
    """Where the search server is and how it is spoken to."""

    urls: tuple[str, ...]
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None
    prefix: str = "openiwd"
    """Begins the names of all indexes."""


def read_search_settings(variables: Mapping[str, str] | None = None) -> SearchSettings | None:
    """None where no search server is named."""
    env = environment() if variables is None else variables
    urls = tuple((env.get("OPENIWD_SEARCH_URL") or "").replace(",", " ").split())
    if not urls:
        return None
    if not all(url.startswith(("http://", "https://")) for url in urls):
        raise InvalidInputError(
            f"OPENIWD_SEARCH_URL is '{env.get('OPENIWD_SEARCH_URL')}'",
            field="OPENIWD_SEARCH_URL",
            hint="such as http://search:9200; several with commas between them",
        )
    prefix = env.get("OPENIWD_SEARCH_PREFIX") or "openiwd"
    if (
        not prefix.isascii()
        or not prefix.replace("-", "").isalnum()
        or prefix != prefix.lower()
        or prefix[0] == "-"
    ):
        raise InvalidInputError(
            f"OPENIWD_SEARCH_PREFIX is '{prefix}'",
            field="OPENIWD_SEARCH_PREFIX",
            hint="use lower-case letters, digits and hyphens",
        )
    return SearchSettings(
        urls=urls,
        user=env.get("OPENIWD_SEARCH_USER") or None,
        password=_secret(env, "OPENIWD_SEARCH_PASSWORD"),
        ca_file=env.get("OPENIWD_SEARCH_CA_FILE") or None,
        prefix=prefix,
    )


class Settings(Struct, frozen=True, kw_only=True):
    """What a process needs to know before it can start. Command-line options win over the environment."""

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    distribute_port: int = DEFAULT_DISTRIBUTE_PORT
    """Of a process that only distributes; other processes pass requests on to it."""
    address: str | None = None
    """URL under which other processes reach this one's API; None = found out."""
    metrics_port: int | None = DEFAULT_METRICS_PORT
    data_dir: Path | None = None
    database_url: str | None = None
    """Control database of an own PostgreSQL; None = the embedded one."""
    capture_dir: Path | None = None
    """Below it lie the folders of file capture points; None = this process reads no files."""
    connection_budget: int = 60
    secret_keys: tuple[str, ...] = ()
    """What stored secrets are sealed with: the first seals, all open."""
    outbound_allowed: tuple[Network, ...] = ()
    """Inner networks that webhooks may reach; others than public addresses are refused."""
    log_level: str = "info"
    mart_server_url: str | None = None
    """Any database of the server where the data marts are; None = where the tenants are."""
    cloud: CloudAddresses = CloudAddresses()
    """Where Gmail and Microsoft 365 answer."""
    redis: RedisServer | None = None
    """What processes share for speed; None = each is for itself."""
    limits: Limits = Limits()
    """How often callers may ask."""
    search: SearchSettings | None = None
    """Elasticsearch or OpenSearch; None = PostgreSQL alone finds."""
    trusted_proxies: tuple[str, ...] = LOCAL_PROXIES
    """Addresses and networks of gateways: only theirs is believed who the client is, and that it came by TLS."""
    drain_seconds: int = 0
    """How long a process that is told to end (SIGTERM) goes on answering, while gateways learn to go elsewhere."""
    customary_metrics: bool = False
    """Whether metrics are told under the names of the product before as well."""
    certificates: tuple[Path, ...] = ()
    """Certificate files whose end is told to monitoring."""
    platform_key: str | None = None
    """The API key that makes tenants; stored, hashed, at the start. None = only those made by `openiwd tenant key`."""
    tenant_template: str | None = None
    """A database that those of new tenants are copied from; None = they are made by the migrations."""
    awake_tenants: int = 25
    """Up to so many tenants none rests; with more, those that nobody has asked for lately have nothing in memory."""


class MartSettings(Struct, frozen=True, kw_only=True):
    """What the process of the data mart needs to know."""

    database_url: str
    """The mart's database; it is created where the role may do so."""
    url: str
    """Of IWD, which the events come from."""
    api_key: str
    tenant: str = "main"
    time_zone: str = "UTC"
    """Of the days in reports."""
    info_mart_url: str | None = None
    reader_password: str | None = None
    """Of the role `openiwd_bi`; None = left as it is."""
    interval_seconds: float = 15.0
    """Between runs; reports are then fresh within a minute even when a run takes long."""
    chain: Chain = Chain.INTRADAY
    """That a single run runs."""
    gws: GwsSettings | None = None
    """How the mart is let in at GWS for its requests to Digital Channels; None = there is none."""
    metrics_port: int | None = DEFAULT_METRICS_PORT
    log_level: str = "info"


def environment() -> Mapping[str, str]:
    """The process's variables: its environment, and below it the file that OPENIWD_CONFIG names."""
    return with_file(os.environ)


def _number(environment: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environment.get(name)
    if text is None or text == "":
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        raise InvalidInputError(
            f"{name} is '{text}'", field=name, hint=f"set a whole number from {low} to {high}"
        )
    return int(text)


def _secret(environment: Mapping[str, str], name: str) -> str | None:
    """NAME, or the content of the file that NAME_FILE names."""
    path = environment.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise InvalidInputError(
                f"{name}_FILE names '{path}', which cannot be read: {error.strerror}",
                field=f"{name}_FILE",
                hint="check path and rights",
            ) from error
    return environment.get(name) or None


def _address(environment: Mapping[str, str]) -> str | None:
    text = (environment.get("OPENIWD_ADDRESS") or "").rstrip("/")
    if text and not text.startswith(("http://", "https://")):
        raise InvalidInputError(
            f"OPENIWD_ADDRESS is '{text}'",
            field="OPENIWD_ADDRESS",
            hint="set the URL under which other processes reach this one, for example http://10.0.3.7:4024",
        )
    return text or None


def read_secret_keys(text: str | None) -> tuple[str, ...]:
    """One key, or several with commas or spaces between them while keys are being changed."""
    keys = tuple((text or "").replace(",", " ").split())
    if any(len(key) < SECRET_KEY_LENGTH for key in keys):
        raise InvalidInputError(
            f"a key of OPENIWD_SECRET_KEY has fewer than {SECRET_KEY_LENGTH} characters",
            field="OPENIWD_SECRET_KEY",
            hint="make one at random, for example with: openssl rand -hex 32",
        )
    return keys


def read_outbound_allowed(variables: Mapping[str, str] | None = None) -> tuple[Network, ...]:
    """The inner networks that requests to receivers may go to."""
    env = environment() if variables is None else variables
    texts = (env.get("OPENIWD_OUTBOUND_ALLOW") or "").replace(",", " ").split()
    return read_networks(texts, "OPENIWD_OUTBOUND_ALLOW")


def read_trusted_proxies(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The gateways of OPENIWD_TRUSTED_PROXIES, each an address or a network; unset: this machine."""
    texts = (environment.get("OPENIWD_TRUSTED_PROXIES") or "").replace(",", " ").split() or LOCAL_PROXIES
    return tuple(str(network) for network in read_networks(texts, "OPENIWD_TRUSTED_PROXIES"))


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = (environment.get(name) or "false").lower()
    if text not in ("true", "false", "1", "0", "on", "off"):
        raise InvalidInputError(f"{name} is '{text}'", field=name, hint="set it to true or false")
    return text in ("true", "1", "on")


def read_certificates(environment: Mapping[str, str]) -> tuple[Path, ...]:
    return tuple(Path(p) for p in (environment.get("OPENIWD_CERTIFICATES") or "").replace(",", " ").split())


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment (OPENIWD_…)."""
    env = environment() if variables is None else variables
    data = env.get("OPENIWD_DATA_DIR")
    capture = env.get("OPENIWD_CAPTURE_DIR")
    return Settings(
        host=env.get("OPENIWD_HOST") or "127.0.0.1",
        port=_number(env, "OPENIWD_PORT", DEFAULT_PORT, 0, 65_535),
        distribute_port=_number(env, "OPENIWD_DISTRIBUTE_PORT", DEFAULT_DISTRIBUTE_PORT, 0, 65_535),
        address=_address(env),
        metrics_port=_number(env, "OPENIWD_METRICS_PORT", DEFAULT_METRICS_PORT, 0, 65_535),
        data_dir=Path(data) if data else None,
        database_url=_secret(env, "OPENIWD_DATABASE_URL"),
        capture_dir=Path(capture) if capture else None,
        connection_budget=_number(env, "OPENIWD_CONNECTION_BUDGET", 60, 5, 1_000),
        secret_keys=read_secret_keys(_secret(env, "OPENIWD_SECRET_KEY")),
        outbound_allowed=read_outbound_allowed(env),
        log_level=(env.get("OPENIWD_LOG_LEVEL") or "info").lower(),
        mart_server_url=_secret(env, "OPENIWD_MART_SERVER_URL"),
        cloud=read_cloud_addresses(env),
        redis=read_redis_server(env),
        limits=read_limits(env),
        search=read_search_settings(env),
        trusted_proxies=read_trusted_proxies(env),
        drain_seconds=_number(env, "OPENIWD_DRAIN_SECONDS", 0, 0, 600),
        customary_metrics=_switch(env, "OPENIWD_CUSTOMARY_METRICS"),
        certificates=read_certificates(env),
        platform_key=_secret(env, "OPENIWD_PLATFORM_KEY"),
        tenant_template=env.get("OPENIWD_TENANT_TEMPLATE") or None,
        awake_tenants=_number(env, "OPENIWD_AWAKE_TENANTS", 25, 1, 10_000),
    )


class Told(Struct, frozen=True, kw_only=True):
    """What processes beside the serving ones tell monitoring."""

    certificates: tuple[Path, ...] = ()
    customary_metrics: bool = False


def read_told(variables: Mapping[str, str] | None = None) -> Told:
    env = environment() if variables is None else variables
    return Told(
        certificates=read_certificates(env), customary_metrics=_switch(env, "OPENIWD_CUSTOMARY_METRICS")
    )


def read_redis_server(variables: Mapping[str, str] | None = None) -> RedisServer | None:
    """None where no Redis is named."""
    env = environment() if variables is None else variables
    return read_redis(env, _secret(env, "OPENIWD_REDIS_URL"), _secret(env, "OPENIWD_REDIS_PASSWORD"))


def read_cloud_addresses(variables: Mapping[str, str] | None = None) -> CloudAddresses:
    """Where Gmail, Microsoft 365 and, for browsers, this installation answer (OPENIWD_GMAIL_URL, …)."""
    env = environment() if variables is None else variables
    usual = CloudAddresses()
    named = {}
    for field in CloudAddresses.__struct_fields__:
        name = f"OPENIWD_{field.upper()}_URL"
        url = (env.get(name) or getattr(usual, field)).rstrip("/")
        if url and not url.startswith(("https://", "http://")):
            raise InvalidInputError(
                f"{name} is '{url}'", field=name, hint="set a whole address, with https://"
            )
        named[field] = url
    return CloudAddresses(**named)


def read_mart_settings(variables: Mapping[str, str] | None = None) -> MartSettings:
    """The settings of the data mart's process (OPENIWD_MART_…, and OPENIWD_IWD_URL)."""
    env = environment() if variables is None else variables
    return MartSettings(
        database_url=_needed(env, "OPENIWD_MART_DATABASE_URL", "the mart's database, a postgresql:// URL"),
        url=_needed(env, "OPENIWD_IWD_URL", "where IWD answers, for example http://iwd:4024"),
        api_key=_needed(env, "OPENIWD_MART_API_KEY", "the mart's key"),
        tenant=env.get("OPENIWD_MART_TENANT") or "main",
        time_zone=_zone(env, "OPENIWD_MART_TIME_ZONE"),
        info_mart_url=_secret(env, "OPENIWD_INFO_MART_URL"),
        reader_password=_secret(env, "OPENIWD_BI_PASSWORD"),
        interval_seconds=_number(env, "OPENIWD_MART_INTERVAL_SECONDS", 15, 1, 86_400),
        chain=_chain(env, "OPENIWD_MART_CHAIN"),
        gws=_mart_gws(env),
        metrics_port=_number(env, "OPENIWD_METRICS_PORT", DEFAULT_METRICS_PORT, 0, 65_535),
        log_level=(env.get("OPENIWD_LOG_LEVEL") or "info").lower(),
    )


def _mart_gws(env: Mapping[str, str]) -> GwsSettings | None:
    """The mart's own client at GWS."""
    auth_url = env.get("OPENIWD_MART_GWS_AUTH_URL")
    if not auth_url:
        return None
    values = {
        "enabled": True,
        "authUrl": auth_url,
        "gwsUrl": env.get("OPENIWD_MART_GWS_URL") or "",
        "nexusUrl": env.get("OPENIWD_MART_DIGITAL_CHANNELS_URL") or "",
        "clientId": _needed(env, "OPENIWD_MART_GWS_CLIENT_ID", "the mart's client at GWS"),
        "clientSecret": _needed(env, "OPENIWD_MART_GWS_CLIENT_SECRET", "the secret of the mart's client"),
        "apiKey": _secret(env, "OPENIWD_MART_GWS_API_KEY") or "",
        "contactCenterId": _needed(env, "OPENIWD_MART_CONTACT_CENTER_ID", "the tenant's contact center"),
    }
    try:
        return msgspec.convert(values, GwsSettings)
    except msgspec.ValidationError as error:
        raise InvalidInputError(
            f"the settings of GWS: {error}", field="OPENIWD_MART_GWS_AUTH_URL", hint="use http:// or https://"
        ) from error


def _needed(environment: Mapping[str, str], name: str, what: str) -> str:
    value = _secret(environment, name)
    if value is None:
        raise InvalidInputError(f"{name} is not set", field=name, hint=f"set it (or {name}_FILE) to {what}")
    return value


def _chain(environment: Mapping[str, str], name: str) -> Chain:
    text = environment.get(name) or Chain.INTRADAY.value
    if text not in set(Chain):
        raise InvalidInputError(f"{name} is '{text}'", field=name, hint=f"set one of {', '.join(Chain)}")
    return Chain(text)


def _zone(environment: Mapping[str, str], name: str) -> str:
    zone = environment.get(name) or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInputError(
            f"{name} is '{zone}'", field=name, hint="set an IANA time zone, for example Europe/Berlin"
        ) from error
    return zone


MEGABYTE: Final = 1024 * 1024


class EmailSettings(Struct, frozen=True, kw_only=True):
    """What the email service needs: where IWD is, and a key of each tenant with the privilege `email.service`."""

    url: str
    api_keys: list[str]
    log_level: str = "info"
    host: str = "127.0.0.1"
    """Where health and metrics answer."""
    metrics_port: int | None = None
    bytes_at_once: int = 128 * MEGABYTE
    """So much of messages is held at once."""
    cloud: CloudAddresses = CloudAddresses()


def read_email_settings(variables: Mapping[str, str] | None = None) -> EmailSettings:
    """The email service's settings of the environment."""
    env = environment() if variables is None else variables
    keys = (_secret(env, "OPENIWD_EMAIL_KEYS") or "").replace(",", " ").split()
    if not keys:
        raise InvalidInputError(
            "no API key is set",
            field="OPENIWD_EMAIL_KEYS",
            hint="set it, or OPENIWD_EMAIL_KEYS_FILE, to a key with email.service and mailboxes.view, one per tenant",
        )
    url = (env.get("OPENIWD_URL") or f"http://127.0.0.1:{DEFAULT_PORT}").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError(
            f"OPENIWD_URL is '{url}'", field="OPENIWD_URL", hint="such as http://iwd:4024"
        )
    port = _number(env, "OPENIWD_EMAIL_METRICS_PORT", 0, 0, 65_535)
    return EmailSettings(
        url=url,
        api_keys=keys,
        log_level=(env.get("OPENIWD_LOG_LEVEL") or "info").lower(),
        host=env.get("OPENIWD_HOST") or "127.0.0.1",
        metrics_port=port or None,
        bytes_at_once=_number(env, "OPENIWD_EMAIL_MEGABYTES", 128, 1, 65_536) * MEGABYTE,
        cloud=read_cloud_addresses(env),
    )
