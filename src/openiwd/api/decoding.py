"""Reads request bodies strictly: JSON to Structs, every fault with the path of the field and a hint. No routes here."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from typing import Any, Final, TypeVar

import msgspec

from openiwd.domain.errors import InvalidInputError, OpenIwdError
from openiwd.domain.work_item import check_text

T = TypeVar("T")

MAX_DEPTH: Final = 200
_QUOTED: Final = re.compile(r"field `([^`]*)`")
_AT: Final = re.compile(r" - at `(?:key in )?\$?([^`]*)`$")
_SUSPECT: Final = re.compile(rb"\\u0000|\\u[dD][89a-fA-F]", re.ASCII)
JSON_TYPES: Final = frozenset({"application/json", "application/merge-patch+json", "text/json"})


def decoder(type_: type[T]) -> Callable[[bytes], T]:
    """A strict reader of one type, made once."""
    decode_json = msgspec.json.Decoder(type_).decode

    def decode(body: bytes) -> T:
        return decode_with(decode_json, body, type_)

    return decode


@cache
def _cached(type_: Any) -> Callable[[bytes], Any]:
    return decoder(type_)


def decode(body: bytes, type_: Any) -> Any:
    """The body as a value of this type; InvalidInputError with the field's path otherwise."""
    return _cached(type_)(body)


def decode_with(
    decode_json: Callable[[bytes], T], body: bytes, type_: Any, prefix: str = "", *, texts: bool = True
) -> T:
    """As `decode`, with a reader at hand; `prefix` is where the value stands in a larger one.

    Without `texts`, the parts are yet to be read, and their texts to be checked, one by one.
    """
    try:
        value = decode_json(body)
        if texts and b"\\u" in body and _SUSPECT.search(body) is not None:
            check_texts(msgspec.json.decode(body), prefix)
    except msgspec.ValidationError as error:
        raise of_validation(str(error), type_, prefix) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _malformed(body, error, prefix) from error
    except RecursionError as error:
        raise InvalidInputError(
            "the JSON is nested too deeply", field=prefix or None, code="tooDeep", hint="flatten it"
        ) from error
    return value


def _malformed(body: bytes, error: Exception, prefix: str) -> OpenIwdError:
    if not body.strip():
        return InvalidInputError(
            "a body is needed", field=prefix or None, code="malformedJson", hint="send a JSON object"
        )
    if isinstance(error, UnicodeDecodeError) or b"\x00" in body:
        return InvalidInputError(
            "the JSON is not valid UTF-8 text",
            field=prefix or None,
            code="invalidText",
            hint="send valid UTF-8",
        )
    if _SUSPECT.search(body) is not None:
        return InvalidInputError(
            "the JSON holds half of a surrogate pair, or is malformed",
            field=prefix or None,
            code="invalidText",
            hint="send valid Unicode",
        )
    return InvalidInputError(
        f"this is not JSON: {error}",
        field=prefix or None,
        code="malformedJson",
        hint="check the syntax there",
    )


def joined(prefix: str, path: str) -> str:
    """A path below a prefix: `items[3]` and `.ext.customerId` make `items[3].ext.customerId`."""
    if not prefix or not path:
        return prefix or path.lstrip(".")
    return f"{prefix}{path}" if path[0] in ".[" else f"{prefix}.{path}"


def of_validation(text: str, type_: Any, prefix: str = "") -> InvalidInputError:
    """Msgspec's sentence in our words: `$.ext.customerId` becomes `ext.customerId`; misspelt names get a suggestion."""
    at = _AT.search(text)
    message = text[: at.start()] if at is not None else text
    path = joined(prefix, at[1].replace("[...]", ".*") if at is not None else "")
    named = _QUOTED.search(message)
    hint = "see the description of this field in the API's reference"
    if named is not None:
        path = joined(path, named[1])
        if "unknown" in message:
            close = get_close_matches(named[1], _names(type_), n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}?" if close else "remove it, or correct its spelling"
        else:
            hint = f"add {named[1]}"
    elif "timezone" in message:
        hint = "write the instant with an offset, for example 2026-03-01T09:00:00+01:00"
    elif "length" in message:
        hint = "make it shorter, or longer, as the text says"
    return InvalidInputError(message, field=path or None, hint=hint)


@cache
def _names(type_: Any) -> tuple[str, ...]:
    """The field names that this type and what it holds know."""
    _, components = msgspec.json.schema_components([type_])
    return tuple(sorted({name for c in components.values() for name in c.get("properties", {})}))


def check_texts(value: Any, path: str = "") -> None:
    """Refuses NUL and halves of surrogate pairs in any text of a JSON value."""
    stack: list[tuple[str, Any]] = [(path, value)]
    while stack:
        where, inner = stack.pop()
        if isinstance(inner, str):
            check_text(inner, where or "body")
        elif isinstance(inner, list):
            stack.extend((f"{where}[{i}]", v) for i, v in enumerate(inner))
        elif isinstance(inner, dict):
            for key, v in inner.items():
                check_text(key, where or "body")
                stack.append((f"{where}.{key}" if where else key, v))


def require_json(content_type: str | None) -> None:
    """Refuses what says that it is not JSON; nothing said is taken for JSON."""
    if content_type is None:
        return
    media_type = content_type.partition(";")[0].strip().lower()
    charset = content_type.lower().partition("charset=")[2].strip(' "')
    if media_type not in JSON_TYPES and not media_type.endswith("+json"):
        raise InvalidInputError(
            f"{media_type or 'nothing'} is not read here",
            field="Content-Type",
            code="unsupportedMediaType",
            hint="send application/json",
        )
    if charset and charset not in ("utf-8", "utf8"):
        raise InvalidInputError(
            f"charset {charset} is not read here",
            field="Content-Type",
            code="unsupportedMediaType",
            hint="send UTF-8",
        )
