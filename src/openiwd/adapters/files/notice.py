"""Notifications as files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from xml.sax.saxutils import quoteattr

import msgspec

from openiwd.domain.capture.answer import Notification

_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def notices(notifications: Sequence[Notification], form: str) -> tuple[str, bytes]:
    """(name, content) of the file that tells these; the name is of the first, so that telling again replaces it."""
    first = notifications[0]
    generation, _, pos = first.cursor.partition(".")
    name = f"{int(generation):04d}-{int(pos):015d}-{first.notification.value}.{form}"
    bodies: list[dict[str, Any]] = [msgspec.to_builtins(n) for n in notifications]
    if form == "xml":
        lines = [f"  <notification{''.join(_attribute(k, v) for k, v in body.items())}/>" for body in bodies]
        text = "\n".join(
            ['<?xml version="1.0" encoding="UTF-8"?>', "<notifications>", *lines, "</notifications>", ""]
        )
        return name, text.encode("utf-8", "replace")
    return name, b"".join(msgspec.json.encode(body) + b"\n" for body in bodies)


def _attribute(name: str, value: Any) -> str:
    return f" {name}={quoteattr(_NOT_IN_XML.sub(chr(0xFFFD), str(value)))}"
