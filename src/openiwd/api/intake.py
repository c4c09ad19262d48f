"""Items come in: one at a time or by the batch, each answered once it is committed. Decides nothing about items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.api.authorisation import PREFIX
from openiwd.api.call import Call
from openiwd.api.decoding import decode_with, require_json
from openiwd.api.errors import problem_of
from openiwd.api.idempotency import HEADER, Keep, once_together
from openiwd.api.metrics import Metrics
from openiwd.api.raw import Answer, json_answer
from openiwd.domain.errors import (
    DuplicateError,
    InvalidInputError,
    OpenIwdError,
    TooLargeError,
    UnavailableError,
)
from openiwd.domain.lifecycle import Action
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import MAX_BATCH_ITEMS, MAX_ITEM_BYTES, ItemSubmission
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.item_view import priority_of
from openiwd.usecases.work_item import apply

ITEMS: Final = f"POST {PREFIX}/items"
BATCH: Final = f"POST {PREFIX}/items/batch"
NDJSON_TYPES: Final = ("application/x-ndjson", "application/ndjson", "application/jsonl")
MAX_BATCHES: Final = 24
"""Batches read and judged at the same time; more are told to come back."""

_decode_item: Final = msgspec.json.Decoder(ItemSubmission).decode
_decode_array: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode

Outcome = Literal["created", "existing", "updated", "error"]


class Created(Struct, rename="camel"):
    """The answer to a new item."""

    id: UUID
    status: str
    category_path: str | None
    queue: str | None
    priority: int | float | None
    revision: int


class BatchResult(Struct, rename="camel", omit_defaults=True):
    """What became of one item of a batch."""

    index: int
    outcome: Outcome
    id: UUID | None = None
    status: str | None = None
    category_path: str | None = None
    queue: str | None = None
    priority: int | float | None = None
    error: dict[str, Any] | None = None
    """A problem, as single requests get it."""


class BatchAnswer(Struct, rename="camel"):
    created: int
    existing: int
    updated: int
    failed: int
    results: list[BatchResult]


class IntakeRoutes:
    """The two routes of intake."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._batches = 0

    async def create(self, call: Call, query: Mapping[str, str], body: bytes) -> Answer:
        """Creates one item: 201 after commit; 200 when it exists with equal content, 409 when with other."""
        update = on_duplicate(query)

        async def run(keep: Keep | None = None) -> Answer:
            require_json(call.headers.get("content-type"))
            submission = decode_with(_decode_item, body, ItemSubmission)
            rules = await call.rules()

            async def kept(tx: Writing, results: Sequence[Result]) -> None:
                (result,) = results
                if keep is not None and isinstance(result, Done):
                    await keep(tx, _taken(result, rules, call.now))

            done = await call.services.intake.submit(
                submission, call.caller, on_duplicate_update=update, also=None if keep is None else kept
            )
            if done.created:
                self._metrics.item_created(call.services.tenant.id, done.item.capture_point)
            return _taken(done, await call.rules(), call.now)

        return await (once_together(call, ITEMS, body, run) if HEADER in call.headers else run())

    async def batch(self, call: Call, query: Mapping[str, str], body: bytes) -> Answer:
        """Creates up to 1,000 items; answers each on its own, in their order."""
        if self._batches >= MAX_BATCHES:
            raise UnavailableError(
                "intake is full", code="overloaded", hint="slow down and try again", retry_after=1
            )
        self._batches += 1
        try:
            return await once_together(call, BATCH, body, lambda keep: self._batch(call, query, body, keep))
        finally:
            self._batches -= 1

    async def _batch(self, call: Call, query: Mapping[str, str], body: bytes, keep: Keep | None) -> Answer:
        update = on_duplicate(query)
        read = [read_item(raw, n) for n, raw in enumerate(split(call.headers.get("content-type"), body))]
        submissions = [r for r in read if isinstance(r, ItemSubmission)]
        results = await call.services.intake.submit_all(submissions, call.caller) if submissions else []
        rules = await call.rules()

        def answer() -> Answer:
            written = iter(results)
            return _told_of_all(
                [next(written) if isinstance(r, ItemSubmission) else r for r in read], rules, call.now
            )

        if update:
            await self._update(call, submissions, results, keep, answer)
        created = Counter(r.item.capture_point for r in results if isinstance(r, Done) and r.created)
        for capture_point, count in created.items():
            self._metrics.item_created(call.services.tenant.id, capture_point, count)
        return answer()

    async def _update(
        self,
        call: Call,
        submissions: Sequence[ItemSubmission],
        results: list[Result],
        keep: Keep | None,
        answer: Callable[[], Answer],
    ) -> None:
        """Duplicates with other content update what exists; what came of them takes their places in `results`."""
        places = [n for n, r in enumerate(results) if isinstance(r, DuplicateError)]
        commands = [
            Command(
                action=Action.CREATE, caller=call.caller, submission=submissions[n], on_duplicate_update=True
            )
            for n in places
        ]

        def place(updated: Sequence[Result]) -> None:
            for n, result in zip(places, updated, strict=True):
                results[n] = result

        async def kept(tx: Writing, updated: Sequence[Result]) -> None:
            place(updated)
            if keep is not None:
                await keep(tx, answer())

        if commands:
            place(await apply(call.services.runtime, commands, also=kept, always=keep is not None))


def _taken(done: Done, rules: CompiledRuleSet, now: datetime) -> Answer:
    item = done.item
    created = Created(
        item.id,
        item.status.value,
        item.category_path,
        item.queue_id,
        priority_of(item, rules, now)[0],
        item.revision,
    )
    headers = {"location": f"{PREFIX}/items/{item.id}", "etag": f'"{item.revision}"'}
    return json_answer(201 if done.created else 200, created, headers)


def _told_of_all(results: Sequence[Result], rules: CompiledRuleSet, now: datetime) -> Answer:
    answers = [told(n, r, rules, now) for n, r in enumerate(results)]
    counts = Counter(each.outcome for each in answers)
    answer = BatchAnswer(counts["created"], counts["existing"], counts["updated"], counts["error"], answers)
    return json_answer(200, answer)


def on_duplicate(query: Mapping[str, str]) -> bool:
    """Whether `?onDuplicate=update` was asked for."""
    wanted = query.get("onDuplicate", "refuse")
    if wanted not in ("refuse", "update"):
        raise InvalidInputError(
            f"onDuplicate is '{wanted[:40]}'", field="onDuplicate", hint="use update, or leave it out"
        )
    return wanted == "update"


def split(content_type: str | None, body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The items of a batch, each still as text: one that cannot be read shall not fail the others."""
    if (content_type or "").partition(";")[0].strip().lower() in NDJSON_TYPES:
        items: Sequence[bytes | msgspec.Raw] = [line for line in body.splitlines() if line.strip()]
    else:
        require_json(content_type)
        items = decode_with(_decode_array, body, list[dict[str, Any]], texts=False)
    if len(items) > MAX_BATCH_ITEMS:
        raise TooLargeError(
            f"the batch has {len(items)} items, at most {MAX_BATCH_ITEMS} are allowed",
            code="tooManyItems",
            field="items",
            hint="send several batches",
        )
    return items


def read_item(raw: bytes | msgspec.Raw, index: int) -> ItemSubmission | OpenIwdError:
    prefix = f"items[{index}]"
    if len(memoryview(raw)) > MAX_ITEM_BYTES:
        return TooLargeError(
            f"the item is larger than {MAX_ITEM_BYTES} bytes",
            field=prefix,
            hint="keep documents as attachments",
        )
    try:
        return decode_with(_decode_item, bytes(raw), ItemSubmission, prefix)
    except OpenIwdError as error:
        return error


def told(index: int, result: Result, rules: CompiledRuleSet, now: datetime) -> BatchResult:
    if isinstance(result, OpenIwdError):
        problem = problem_of(result)
        field = problem.get("field")
        if field is not None and not field.startswith("items["):
            problem["field"] = f"items[{index}].{field}"
        return BatchResult(index, "error", error=problem)
    item = result.item
    outcome: Outcome = "created" if result.created else "updated" if result.changed else "existing"
    return BatchResult(
        index,
        outcome,
        item.id,
        item.status.value,
        item.category_path,
        item.queue_id,
        priority_of(item, rules, now)[0],
    )
