"""Speaks to the server's API for a replay: where it stands, the next operations, and the event log for the summary."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Final, Self, assert_never

import httpx
import msgspec
from msgspec import Struct

from openiwd.domain.errors import ConflictError, InvalidInputError, OpenIwdError
from openiwd.domain.replay.plan import By, Kind, Operation, Plan
from openiwd.domain.replay.summary import Fact, FactBody, Summary, Tally

BASE: Final = "/iwd/v3"
CAPTURE_POINT: Final = "replay"
CHECKPOINT: Final = "replay"
SECONDS: Final = 120.0
NOT_QUEUED: Final = ("errorheld", "rejected")
"""Where rules put items that they do not take."""
NEEDS_CATEGORIES: Final = (
    "the tenant's rules must take the log's items:"
    " with categories named like the log's, and no rule that rejects"
)
PAGE: Final = 10_000


class Progress(Struct, frozen=True, kw_only=True):
    """The checkpoint: stored by the server in the transaction of the operations that it counts."""

    fingerprint: str
    sequence: int
    operations: int
    log: str


class Problem(Struct, rename="camel"):
    """What of a problem document is told."""

    title: str = ""
    detail: str = ""
    code: str = "error"
    field: str | None = None
    hint: str | None = None
    current_status: str | None = None
    """Of the item that stands in the way."""


class _Stored(Struct):
    value: Any


class _Told(Struct):
    outcome: str
    status: str | None = None
    error: Problem | None = None


class _Answer(Struct):
    failed: int
    results: list[_Told]


class _Line(Fact):
    """An event as the feed's line gives it."""

    body: FactBody = msgspec.field(default_factory=FactBody)


class ReplayClient:
    """One replay of one plan on one server."""

    def __init__(self, url: str, api_key: str, plan: Plan, log_name: str) -> None:
        self._plan = plan
        self._log_name = log_name
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), headers={"x-api-key": api_key}, timeout=SECONDS, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def begin(self) -> int:
        """The sequence of the last operation done; the first time, the tenant is taken for this log."""
        place = await self._stored()
        if place is not None:
            return self._checked(place)
        # Only a virtual clock may be told the time: a tenant in real time refuses here, before anything is written.
        start = {"X-OpenIWD-Now": self._plan.starts_at.isoformat()}
        answer = await self._http.get(f"{BASE}/checkpoints/{CHECKPOINT}", headers=start)
        if answer.status_code != httpx.codes.NOT_FOUND:
            raise _not_usable(_problem(answer))
        await self._operations([], 0)
        return 0

    async def place(self) -> int:
        """The sequence of the last operation that the server has done."""
        place = await self._stored()
        return 0 if place is None else self._checked(place)

    async def send(self, batch: Sequence[Operation]) -> None:
        """Has the operations done, all or none."""
        answer = await self._operations([_as_sent(operation) for operation in batch], batch[-1].sequence)
        if answer.failed:
            for operation, told in zip(batch, answer.results, strict=True):
                if told.error is not None and told.error.code != "notDone":
                    raise _failed(operation, told.error)
        for operation, told in zip(batch, answer.results, strict=True):
            if operation.kind is Kind.CREATE and told.status in NOT_QUEUED:
                raise _not_queued(operation, told.status)

    async def summary(self) -> Summary:
        """What the server's event log says of the replay."""
        tally = Tally(CAPTURE_POINT)
        decode = msgspec.json.Decoder(_Line).decode_lines
        cursor: str | None = None
        while True:
            query = {"limit": str(PAGE)} | ({"after": cursor} if cursor else {})
            answer = _sound(await self._http.get(f"{BASE}/reporting/events", params=query))
            lines = decode(answer.content)
            if not lines:
                return tally.summary(self._plan.within_sla)
            for line in lines:
                tally.take(line.item_number, line.type, line.at, line.body)
            cursor = lines[-1].cursor

    async def _stored(self) -> Progress | None:
        answer = await self._http.get(f"{BASE}/checkpoints/{CHECKPOINT}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        stored = msgspec.json.decode(_sound(answer).content, type=_Stored)
        return msgspec.convert(stored.value, Progress)

    def _checked(self, place: Progress) -> int:
        if place.fingerprint != self._plan.fingerprint:
            raise ConflictError(
                f"another log, or the same one with another mapping, has been replayed here: {place.log}",
                code="otherLog",
                field="--data",
                hint="choose another folder with --data, or another tenant",
            )
        return place.sequence

    async def _operations(self, operations: list[dict[str, Any]], sequence: int) -> _Answer:
        place = Progress(
            fingerprint=self._plan.fingerprint,
            sequence=sequence,
            operations=len(self._plan),
            log=self._log_name,
        )
        checkpoint = {"name": CHECKPOINT, "value": place}
        body = msgspec.json.encode({"operations": operations, "checkpoint": checkpoint, "atomic": True})
        headers = {"Content-Type": "application/json"}
        answer = await self._http.post(f"{BASE}/items/operations", content=body, headers=headers)
        return msgspec.json.decode(_sound(answer).content, type=_Answer)


def _as_sent(operation: Operation) -> dict[str, Any]:
    """The operation in the words of the API."""
    sent: dict[str, Any] = {"op": operation.kind.value, "at": operation.at}
    if operation.kind is Kind.CREATE:
        return sent | {"item": {**(operation.item or {}), "capturePoint": CAPTURE_POINT}}
    sent |= {"captureId": operation.capture_id, "capturePoint": CAPTURE_POINT}
    match operation.kind:
        case Kind.ASSIGN:
            return sent | {"agent": operation.agent}
        case Kind.COMPLETE:
            return sent | ({"agent": operation.agent} if operation.by is By.AGENT else {})
        case Kind.HOLD:
            return sent | {"reason": operation.reason}
        case Kind.RETURN | Kind.RESUME | Kind.REOPEN:
            return sent
        case _:
            assert_never(operation.kind)


def _problem(answer: httpx.Response) -> Problem:
    try:
        return msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        return Problem(detail=f"{answer.request.url} answered {answer.status_code}, which is no OpenIWD")


def _sound(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    if answer.status_code in (
        httpx.codes.BAD_GATEWAY,
        httpx.codes.SERVICE_UNAVAILABLE,
        httpx.codes.GATEWAY_TIMEOUT,
    ):
        raise httpx.RemoteProtocolError(_told(_problem(answer)), request=answer.request)
    problem = _problem(answer)
    raise OpenIwdError(_told(problem), code=problem.code, field=problem.field, hint=problem.hint)


def _not_usable(problem: Problem) -> OpenIwdError:
    if problem.code == "clockIsReal":
        hint = "a replay needs a tenant that was created with a virtual clock; or leave --url out"
        return InvalidInputError("the tenant's clock is real", code=problem.code, field="--url", hint=hint)
    if problem.code == "clockBackwards":
        hint = "a replay needs a tenant whose clock is not past the log's beginning: choose an empty one"
        return ConflictError(problem.detail or problem.title, code=problem.code, field="--url", hint=hint)
    return OpenIwdError(_told(problem), code=problem.code, field=problem.field, hint=problem.hint)


def _failed(operation: Operation, problem: Problem) -> OpenIwdError:
    hint = NEEDS_CATEGORIES if problem.current_status in NOT_QUEUED else problem.hint
    return OpenIwdError(
        f"operation {operation.sequence} ({operation.kind.value} {operation.capture_id}): {_told(problem)}",
        code=problem.code,
        field=problem.field,
        hint=hint,
    )


def _not_queued(operation: Operation, status: str) -> OpenIwdError:
    return ConflictError(
        f"operation {operation.sequence}: item {operation.capture_id} is {status}",
        code="notQueued",
        field="--url",
        hint=NEEDS_CATEGORIES,
    )


def _told(problem: Problem) -> str:
    return problem.detail or problem.title or problem.code
