"""Reads the settings file that OPENIWD_CONFIG names: keys become the variables of the environment that they stand for.

What the environment says wins. Nothing is guessed: an unknown key or a value of another kind is an error with its name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.setting_key import DATABASES, KEYS, SECRET_KINDS, KeyKind, SettingKey

CONFIG: Final = "OPENIWD_CONFIG"
_KEYS: Final = {key.path: key for key in KEYS}
_FILE: Final = "File"
_TRUTH: Final = {True: "true", False: "false"}


def with_file(environment: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, with the file's settings where it says nothing itself."""
    path = environment.get(CONFIG)
    if not path:
        return environment
    told = {name: text for name, text in environment.items() if text}
    found = variables_of(Path(path))
    return {**{n: v for n, v in found.items() if n not in told and f"{n}{_FILE.upper()}" not in told}, **told}


def variables_of(path: Path) -> dict[str, str]:
    """What the file says, by the names of variables."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(f"'{path}' cannot be read: {error.strerror}", CONFIG, "check path and rights") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _wrong(f"'{path}' is no TOML: {error}", CONFIG, "mend that place") from error
    values = dict(_read(path, name, value) for name, value in _leaves(tables))
    for table, variable in DATABASES.items():
        _put_database(values, table, variable)
    _put_redis(values)
    _put_search(values)
    if "gauth.auth.redirectUrl" in values:
        values["gauth.auth.redirectUrl"] = _origin(values["gauth.auth.redirectUrl"])
    return _by_variable(values)


def _by_variable(values: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    by: dict[str, str] = {}
    for name, text in values.items():
        variable = _KEYS[name].variable
        if variable is None:
            continue
        if found.get(variable, text) != text:
            raise _wrong(f"{name} and {by[variable]} say different things", name, "name one of them")
        found[variable], by[variable] = text, name
    return found


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def _read(path: Path, name: str, value: Any) -> tuple[str, str]:
    """The key that is meant, and its value as text."""
    key = _KEYS.get(name)
    if key is not None:
        return name, _text(key, value)
    key = _KEYS.get(name.removesuffix(_FILE)) if name.endswith(_FILE) else None
    if key is None or key.kind not in SECRET_KINDS:
        raise _wrong(
            f"{path} has the key '{name}', which is not known", name, "see docs/reference/configuration.md"
        )
    if not isinstance(value, str):
        raise _wrong(f"{name} is {value!r}", name, "name a file")
    try:
        return key.path, Path(value).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _wrong(
            f"{name} names '{value}', which cannot be read: {error.strerror}", name, "check path and rights"
        ) from error


def _text(key: SettingKey, value: Any) -> str:
    kind = key.kind
    if key.path.endswith(".ssl") and isinstance(value, bool):
        return "require" if value else "disable"
    if kind is KeyKind.SWITCH and isinstance(value, bool):
        return _TRUTH[value]
    if kind is KeyKind.NUMBER and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if kind not in (KeyKind.SWITCH, KeyKind.NUMBER) and isinstance(value, str):
        return value
    if (
        kind in (KeyKind.LIST, KeyKind.SECRETS)
        and isinstance(value, list)
        and all(isinstance(v, str) for v in value)
    ):
        return ",".join(value)
    shown = "a value" if kind in SECRET_KINDS else repr(value)
    raise _wrong(f"{key.path} has {shown} of another kind", key.path, f"write {_MEANT[kind]}")


_MEANT: Final = {
    KeyKind.TEXT: 'a text, "…"',
    KeyKind.NUMBER: "a number, without quotation marks",
    KeyKind.SWITCH: "true or false, without quotation marks",
    KeyKind.LIST: 'a text, or a list of texts, ["…", "…"]',
    KeyKind.SECRET: 'a text, "…"',
    KeyKind.SECRETS: 'a text, or a list of texts, ["…", "…"]',
}


def _put_database(values: dict[str, str], table: str, variable: str) -> None:
    """`<table>.url` from the parts."""
    url, parts = f"{table}.url", {n: t for n, t in values.items() if n.startswith(f"{table}.")}
    if not parts:
        return
    if url in parts:
        if len(parts) > 1:
            raise _wrong(f"{table} has a url and parts of one", url, "give the one or the others")
        return
    host, name = (values.get(f"{table}.{part}") for part in ("host", "database"))
    if not host or not name:
        raise _wrong(f"{table} lacks host or database", table, f"name both, or url, or set {variable}")
    user, password = (quote(values.get(f"{table}.{part}", ""), safe="") for part in ("user", "password"))
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    mode = values.get(f"{table}.ssl")
    port = values.get(f"{table}.port", "5432")
    values[url] = (
        f"postgresql://{login}{host}:{port}/{quote(name, safe='')}{f'?sslmode={mode}' if mode else ''}"
    )


def _put_redis(values: dict[str, str]) -> None:
    """One URL of `redis.nodes` and what says how to speak to them."""
    nodes = values.get("redis.nodes")
    if not nodes:
        return
    scheme = "rediss" if values.get("redis.enableTLS") == "true" else "redis"
    login = f"{quote(values['redis.user'], safe='')}@" if "redis.user" in values else ""
    number = values.get("redis.database")
    values["redis.nodes"] = f"{scheme}://{login}{nodes.replace(' ', '')}{f'/{number}' if number else ''}"


def _put_search(values: dict[str, str]) -> None:
    hosts = values.get("elasticsearch.host")
    if not hosts:
        return
    scheme = "https" if values.get("elasticsearch.enableTLS") == "true" else "http"
    port = values.get("elasticsearch.port", "9200")
    urls = (
        host if "://" in host else f"{scheme}://{host}" if ":" in host else f"{scheme}://{host}:{port}"
        for host in hosts.replace(",", " ").split()
    )  # fmt: skip
    values["elasticsearch.host"] = ",".join(urls)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise _wrong(
            f"gauth.auth.redirectUrl is '{url}'",
            "gauth.auth.redirectUrl",
            "set a whole address, with https://",
        )
    return f"{parts.scheme}://{parts.netloc}"


def _wrong(what: str, field: str, hint: str) -> InvalidInputError:
    return InvalidInputError(what, field=field, hint=hint)
