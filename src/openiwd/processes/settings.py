"""Settings: the only reader of the environment. Validated at start, with a precise message for each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.network_address import Network, read_networks

DEFAULT_PORT = 4024
DEFAULT_DISTRIBUTE_PORT = 4025
DEFAULT_METRICS_PORT = 10052
SECRET_KEY_LENGTH = 32


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
    metrics_port: int | None = DEFAULT_METRICS_PORT
    log_level: str = "info"


def environment() -> Mapping[str, str]:
    """The process's environment, for those who look up a folder in it."""
    return os.environ


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
    env = os.environ if variables is None else variables
    texts = (env.get("OPENIWD_OUTBOUND_ALLOW") or "").replace(",", " ").split()
    return read_networks(texts, "OPENIWD_OUTBOUND_ALLOW")


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment (OPENIWD_…)."""
    env = os.environ if variables is None else variables
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
        platform_key=_secret(env, "OPENIWD_PLATFORM_KEY"),
        tenant_template=env.get("OPENIWD_TENANT_TEMPLATE") or None,
        awake_tenants=_number(env, "OPENIWD_AWAKE_TENANTS", 25, 1, 10_000),
    )


def read_mart_settings(variables: Mapping[str, str] | None = None) -> MartSettings:
    """The settings of the data mart's process (OPENIWD_MART_…, and OPENIWD_IWD_URL)."""
    env = os.environ if variables is None else variables
    return MartSettings(
        database_url=_needed(env, "OPENIWD_MART_DATABASE_URL", "the mart's database, a postgresql:// URL"),
        url=_needed(env, "OPENIWD_IWD_URL", "where IWD answers, for example http://iwd:4024"),
        api_key=_needed(env, "OPENIWD_MART_API_KEY", "the mart's key"),
        tenant=env.get("OPENIWD_MART_TENANT") or "main",
        time_zone=_zone(env, "OPENIWD_MART_TIME_ZONE"),
        info_mart_url=_secret(env, "OPENIWD_INFO_MART_URL"),
        reader_password=_secret(env, "OPENIWD_BI_PASSWORD"),
        metrics_port=_number(env, "OPENIWD_METRICS_PORT", DEFAULT_METRICS_PORT, 0, 65_535),
        log_level=(env.get("OPENIWD_LOG_LEVEL") or "info").lower(),
    )


def _needed(environment: Mapping[str, str], name: str, what: str) -> str:
    value = _secret(environment, name)
    if value is None:
        raise InvalidInputError(f"{name} is not set", field=name, hint=f"set it (or {name}_FILE) to {what}")
    return value


def _zone(environment: Mapping[str, str], name: str) -> str:
    zone = environment.get(name) or "UTC"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInputError(
            f"{name} is '{zone}'", field=name, hint="set an IANA time zone, for example Europe/Berlin"
        ) from error
    return zone


class EmailSettings(Struct, frozen=True, kw_only=True):
    """What the email service needs: where IWD is, and a key of each tenant with the privilege `email.service`."""

    url: str
    api_keys: list[str]
    log_level: str = "info"


def read_email_settings(variables: Mapping[str, str] | None = None) -> EmailSettings:
    """The email service's settings of the environment."""
    env = os.environ if variables is None else variables
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
    return EmailSettings(url=url, api_keys=keys, log_level=(env.get("OPENIWD_LOG_LEVEL") or "info").lower())
