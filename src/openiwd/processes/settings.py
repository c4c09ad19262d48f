"""Settings: the only reader of the environment. Validated at start, with a precise message for each."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from openiwd.domain.errors import InvalidInputError

DEFAULT_PORT = 4024
DEFAULT_DISTRIBUTE_PORT = 4025
DEFAULT_METRICS_PORT = 10052
SECRET_KEY_BYTES = 32


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
    connection_budget: int = 60
    log_level: str = "info"
    secret_keys: tuple[bytes, ...] = ()
    """Keys that seal stored secrets: the first seals, all of them open."""


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


def _keys(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    """Keys in base64, separated by commas or blanks."""
    keys = []
    for text in (_secret(environment, "OPENIWD_SECRET_KEYS") or "").replace(",", " ").split():
        try:
            key = base64.b64decode(text, validate=True)
        except ValueError:
            key = b""
        if len(key) != SECRET_KEY_BYTES:
            raise InvalidInputError(
                "OPENIWD_SECRET_KEYS holds what is no key",
                field="OPENIWD_SECRET_KEYS",
                hint=f"{SECRET_KEY_BYTES} bytes in base64 each; make one with: openssl rand -base64 {SECRET_KEY_BYTES}",
            )
        keys.append(key)
    return tuple(keys)


def read_settings(variables: Mapping[str, str] | None = None) -> Settings:
    """The settings of the environment (OPENIWD_…)."""
    env = os.environ if variables is None else variables
    data = env.get("OPENIWD_DATA_DIR")
    return Settings(
        host=env.get("OPENIWD_HOST") or "127.0.0.1",
        port=_number(env, "OPENIWD_PORT", DEFAULT_PORT, 0, 65_535),
        distribute_port=_number(env, "OPENIWD_DISTRIBUTE_PORT", DEFAULT_DISTRIBUTE_PORT, 0, 65_535),
        address=_address(env),
        metrics_port=_number(env, "OPENIWD_METRICS_PORT", DEFAULT_METRICS_PORT, 0, 65_535),
        data_dir=Path(data) if data else None,
        database_url=_secret(env, "OPENIWD_DATABASE_URL"),
        connection_budget=_number(env, "OPENIWD_CONNECTION_BUDGET", 60, 5, 1_000),
        secret_keys=_keys(env),
        log_level=(env.get("OPENIWD_LOG_LEVEL") or "info").lower(),
    )


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
