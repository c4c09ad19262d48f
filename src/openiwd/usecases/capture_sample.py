"""A live sample: pasted records as a capture point would take them, judged by the live rules. Writes nothing."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain import judging
from openiwd.domain.capture.answer import AnswerError
from openiwd.domain.capture.message import Create, MessageKind, capture_id_of, kind_of
from openiwd.domain.capture.outside_source import WebhookSource
from openiwd.domain.capture.point import CapturePoint
from openiwd.domain.errors import OpenIwdError, TooLargeError
from openiwd.ports.capture import SourceRecord
from openiwd.usecases import capture_webhook
from openiwd.usecases.capture_batch import OpenedPoint, opened
from openiwd.usecases.capture_json import records_of_json
from openiwd.usecases.configuration import Editor
from openiwd.usecases.item_view import item_view

MOST: Final = 20
LARGEST: Final = 1024 * 1024


class SampleLine(Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One record of the sample, and what would come of it."""

    position: str = ""
    fields: dict[str, Any] = {}
    message: MessageKind | None = None
    capture_id: str | None = None
    values: dict[str, Any] | None = None
    """The attributes that the mapping fills."""
    item: dict[str, Any] | None = None
    """For a creation: the item as it would be now, classified and valued."""
    error: AnswerError | None = None


async def sample(editor: Editor, point: CapturePoint, content: bytes, name: str = "") -> list[SampleLine]:
    """The first records of a sample, by the capture point as given (it need not be stored)."""
    editor.caller.require("capturePoints.view")
    if len(content) > LARGEST:
        raise TooLargeError(
            f"the sample has {len(content)} bytes, at most {LARGEST} are read",
            field="sample",
            hint="take a part",
        )
    ready = opened(point, editor.tenant_id)
    return [await _line(editor, ready, record) for record in records_of(editor, point, content, name)[:MOST]]


def records_of(editor: Editor, point: CapturePoint, content: bytes, name: str) -> list[SourceRecord]:
    """What the kind of the capture point makes of the content; several messages may come as a list, or on lines."""
    if isinstance(point.source, WebhookSource):
        return capture_webhook.records_of(point, content)
    adapter = editor.platform.capture_adapters.get(point.kind)
    found = None if adapter is None else adapter.sample(point, content, name)
    return records_of_json(content, unwraps=point.kind == "rest") if found is None else list(found)


async def _line(editor: Editor, point: OpenedPoint, record: SourceRecord) -> SampleLine:
    line = SampleLine(position=record.position, fields=msgspec.to_builtins(record.fields, str_keys=True))
    try:
        if record.fault is not None:
            raise record.fault
        line.message = point.mapping.kind(record.fields, record.message)
        line.values = msgspec.to_builtins(point.mapping.values(record.fields, line.message))
        message = point.mapping.message(record.fields, record.message)
        line.message, line.capture_id = kind_of(message), capture_id_of(message)
        if isinstance(message, Create):
            runtime = editor.services.runtime
            ctx = await runtime.context(point.caller.actor)
            made = judging.create(message.item, ctx, runtime.new_id())
            line.item = msgspec.to_builtins(item_view(made.item, ctx.rules, ctx.now))
    except OpenIwdError as error:
        line.error = AnswerError(error.code, error.message, error.field, error.hint)
    return line
