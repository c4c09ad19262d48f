"""Bodies of messages as brokers carry them: one JSON object comes in, a refused one goes out with the reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openiwd.domain.capture.answer import Answer
from openiwd.domain.errors import InvalidInputError

KEPT_BYTES: Final = 200_000
"""A refused message up to this size is told as a whole."""
_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder().decode


def fields_of(body: bytes, part: str) -> dict[str, Any]:
    """The fields of a body; InvalidInputError (`noJson`, `noObject`) where it has none; `part` names it."""
    hint = f"send one JSON object as the {part}"
    try:
        found = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInputError(f"this is no JSON: {error}", hint=hint, code="noJson") from error
    if not isinstance(found, dict):
        raise InvalidInputError("this is no object", hint=hint, code="noObject")
    return found


def refused(answer: Answer, position: str, fields: Mapping[str, Any] | None, raw: str) -> bytes:
    """A refused message with the reason, so that it can be mended and sent again. `fields` None: not readable."""
    told = {"reason": answer.error, "position": position, "message": answer.message}
    whole = _encode(fields) if fields is not None else b""
    if whole and len(whole) <= KEPT_BYTES:
        return _encode({**told, "record": msgspec.Raw(whole)})
    return _encode({**told, "raw": raw})
