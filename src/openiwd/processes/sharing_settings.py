"""Reads where Redis is, and rate limits, from the texts of settings. The environment itself is read elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from msgspec.structs import replace

from openiwd.adapters.redis.server import RedisServer
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.rate_limit import Limit, Limits

DEFAULT_PORT: Final = 6379
DEFAULT_MILLISECONDS: Final = 250
_URL: Final = "OPENIWD_REDIS_URL"
_FILES: Final = {
    "ca_file": "OPENIWD_REDIS_CA",
    "cert_file": "OPENIWD_REDIS_CERT",
    "key_file": "OPENIWD_REDIS_KEY",
}
_LIMITS: Final = {
    "key": "OPENIWD_LIMIT_KEY",
    "user": "OPENIWD_LIMIT_USER",
    "address": "OPENIWD_LIMIT_ADDRESS",
    "login": "OPENIWD_LIMIT_LOGIN",
    "login_address": "OPENIWD_LIMIT_LOGIN_ADDRESS",
}


def read_redis(
    variables: Mapping[str, str], url: str | None, password: str | None = None
) -> RedisServer | None:
    """`redis://` or `rediss://[user:password@]host[:port][,host[:port]…][/database]`; None where nothing is set."""
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.netloc:
        raise _wrong(
            _URL, url.partition("@")[2] or url, "set for example redis://redis:6379 or rediss://redis:6379"
        )
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, in_url = credentials.partition(":")
    database = parts.path.strip("/")
    if database and not database.isdigit():
        raise _wrong(_URL, parts.path, "the path is the number of a database, for example /0")
    cluster = _truth(variables, "OPENIWD_REDIS_CLUSTER")
    nodes = tuple(_node(text) for text in hosts.split(","))
    if len(nodes) > 1 and not cluster:
        raise _wrong(
            _URL, hosts, "name one server, or set OPENIWD_REDIS_CLUSTER=true for the nodes of a cluster"
        )
    if cluster and database not in ("", "0"):
        raise _wrong(_URL, parts.path, "a cluster has database 0 alone")
    return RedisServer(
        nodes=nodes,
        username=unquote(username) or None,
        password=password or unquote(in_url) or None,
        database=int(database or 0),
        cluster=cluster,
        tls=parts.scheme == "rediss",
        prefix=variables.get("OPENIWD_REDIS_PREFIX") or "openiwd",
        patience_seconds=_milliseconds(variables, "OPENIWD_REDIS_TIMEOUT_MS") / 1_000,
        **{name: _file(variables, variable) for name, variable in _FILES.items()},
    )


def _node(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise _wrong(_URL, text, "write nodes as host:port, with commas between them")
    return host, DEFAULT_PORT if port is None else port


def _truth(variables: Mapping[str, str], name: str) -> bool:
    text = (variables.get(name) or "false").lower()
    if text not in ("true", "false"):
        raise _wrong(name, text, "set true or false")
    return text == "true"


def _milliseconds(variables: Mapping[str, str], name: str) -> int:
    text = variables.get(name) or str(DEFAULT_MILLISECONDS)
    if not text.isdigit() or not 10 <= int(text) <= 10_000:
        raise _wrong(name, text, "set milliseconds, from 10 to 10000")
    return int(text)


def _file(variables: Mapping[str, str], name: str) -> Path | None:
    text = variables.get(name)
    if not text:
        return None
    if not Path(text).is_file():
        raise _wrong(name, text, "name a file in PEM form that this process may read")
    return Path(text)


def read_limits(variables: Mapping[str, str]) -> Limits:
    """`OPENIWD_LIMIT_…`: `per second/at once`, or `off`; what is not set is as always."""
    standard = Limits()
    found: dict[str, Limit | None] = {}
    for field, name in _LIMITS.items():
        text = variables.get(name)
        if text:
            found[field] = (
                None if text.lower() == "off" else _limit(getattr(standard, field).name, name, text)
            )
    return replace(standard, **found)


def _limit(limit: str, name: str, text: str) -> Limit:
    per_second, _, burst = text.partition("/")
    try:
        made = Limit(limit, float(per_second), int(burst or max(1.0, float(per_second) * 2)))
    except ValueError:
        made = Limit(limit, 0.0, 0)
    if not (0 < made.per_second <= 1_000_000 and 1 <= made.burst <= 10_000_000):
        raise _wrong(name, text, "set requests per second and requests at once, for example 50/200, or off")
    return made


def _wrong(field: str, text: str, hint: str) -> InvalidInputError:
    return InvalidInputError(f"{field} has '{text[:80]}'", field=field, hint=hint)
