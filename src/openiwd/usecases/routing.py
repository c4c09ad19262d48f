"""Speaks to an external router for one tenant: which items it is to have, and what became of those that it has.

Each step is stored (`routing_record`) before its request goes out, and what came of a request is found out by asking.
The order is that of the picture; nothing here gives an item to an agent of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from openiwd.domain import routed_item
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.errors import (
    ConflictError,
    FencedError,
    InvalidInputError,
    InvalidTransitionError,
    NotFoundError,
    OpenIwdError,
)
from openiwd.domain.gws import GwsSettings
from openiwd.domain.instant import to_micros
from openiwd.domain.queue import Queue
from openiwd.domain.routing import (
    FOR_THE_SAKE_OF_ORDER,
    REFUSED_FOR,
    UNSURE,
    Ending,
    Recall,
    RemoteState,
    Segment,
    Step,
    Submission,
    SubmissionState,
    best_of_segments,
    differences,
    is_outdated,
    next_step,
    pause_after,
    recall_of,
)
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import WorkItem
from openiwd.ports.external_router import ExternalRouter, Interaction, RouterAwayError, RouterRefusedError
from openiwd.usecases.routing_data import Tellings, digest, user_data
from openiwd.usecases.routing_record import ROUTER, RoutingRecord
from openiwd.usecases.routing_stray import stop_stray

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

BEGUN_AT_ONCE: Final = 50
"""Submissions stored in one transaction."""
ASKED_AT_ONCE: Final = 100
"""Submissions whose time has come, of one round."""
TOGETHER: Final = 8
"""Requests at the same time."""
SOON: Final = timedelta(milliseconds=200)
GRACE_TIMEOUTS: Final = 3
"""Time-outs after which a request that was sent cannot reach the router any more."""

Count = Callable[[str], None]


class Routing:
    """One holder's conversation with the router, for as long as its epoch lasts (then FencedError)."""

    def __init__(
        self,
        services: TenantServices,
        router: ExternalRouter,
        settings: GwsSettings,
        epoch: int,
        chance: Callable[[], float],
        count: Count,
    ) -> None:
        self._services = services
        self._runtime = services.runtime
        self._router = router
        self._settings = settings
        self._record = RoutingRecord(services, epoch)
        self._chance = chance
        self._count = count
        self._together = asyncio.Semaphore(TOGETHER)
        self._failure: str | None = None
        self._has_answered = False
        self._listing: tuple[datetime, Mapping[str, Interaction]] | None = None
        self._tellings = Tellings()

    @property
    def _grace(self) -> timedelta:
        return timedelta(seconds=GRACE_TIMEOUTS * self._settings.timeout_seconds)

    @property
    def _pull(self) -> timedelta:
        return timedelta(seconds=self._settings.pull_seconds)

    # Which items the router is to have

    async def plan(self) -> int:
        """Stores which items are handed over and which are recalled; how many. Nothing while nobody knows the order."""
        seen = await self._best()
        if seen is None:
            return 0
        best, outstanding, rules = seen
        async with self._runtime.store.reading() as reading:
            active = await reading.open_submissions()
            items = await reading.items_by_id([s.item_id for s in active]) if active else {}
        self._tellings.keep(items)
        recalls: list[tuple[Submission, Recall]] = []
        for one in active:
            reason = self._recall_reason(one, items.get(one.item_id), rules)
            if reason is not None and (
                one.state is not SubmissionState.RECALLING or one.recall in FOR_THE_SAKE_OF_ORDER
            ):
                recalls.append((one, reason))
        limits = {q.id: self._limit(q) for q in rules.queues.values() if not q.is_native}
        wanted = differences(best, active, limits, outstanding)
        known = {one.id for one, _ in recalls}
        recalls += [(one, Recall.OVERTAKEN) for one in wanted.overtaken if one.id not in known]
        done = await self._recall(recalls)
        for start in range(0, len(wanted.begin), BEGUN_AT_ONCE):
            done += await self._record.begin(
                wanted.begin[start : start + BEGUN_AT_ONCE], rules, self._settings.service
            )
        return done

    def _recall_reason(self, one: Submission, item: WorkItem | None, rules: CompiledRuleSet) -> Recall | None:
        queue = rules.queues.get(one.queue_id)
        reason = recall_of(one, item, queue)
        if reason is None and item is not None and is_outdated(one, self._tellings.of(item, queue, rules)):
            return Recall.CHANGED
        return reason

    async def _best(self) -> tuple[list[BacklogItem], Mapping[Segment, int], CompiledRuleSet] | None:
        picture = self._services.picture
        if picture is None:
            return None
        async with self._runtime.store.reading() as reading:
            refused = await reading.refused_items(self._runtime.now())
        async with picture.lock:
            await picture.catch_up()
            world, rules = picture.desk.world, picture.desk.rules
            outstanding = dict(world.outstanding)
            now = to_micros(self._runtime.now())
            best: list[BacklogItem] = []
            for queue in rules.queues.values():
                if queue.routing_target is ROUTER:
                    left_out = {number for number, queue_id in refused if queue_id == queue.id}
                    best += best_of_segments(
                        world.backlog, queue, self._limit(queue), outstanding, left_out, now
                    )
        return best, outstanding, rules

    def _limit(self, queue: Queue) -> int:
        return self._settings.limit if queue.limit is None else queue.limit

    async def _recall(self, wanted: Sequence[tuple[Submission, Recall]]) -> int:
        now, stored = self._runtime.now(), list[Submission]()
        for one, reason in wanted:
            after = replace(
                one, state=SubmissionState.RECALLING, recall=reason, attempts=0, absences=0, next_at=now,
                revision=one.revision + 1,
            )  # fmt: skip
            if one.sent_at is None:  # the router has never heard of it
                with suppress(ConflictError):  # it has just been sent: the next plan recalls it
                    await self._record.conclude(
                        one,
                        self._record.ended(after, Ending.NEVER),
                        [self._record.take_back(one, "recalled")],
                    )
            else:
                stored.append(after)
        await self._record.save(stored)
        return len(wanted)

    # What became of what it has

    async def advance(self) -> int:
        """Asks, sends and stops what is due; how many submissions."""
        now = self._runtime.now()
        async with self._runtime.store.reading() as reading:
            due = await reading.due_submissions(now, ASKED_AT_ONCE)
            items = await reading.items_by_id([s.item_id for s in due]) if due else {}
        if not due:
            return 0
        self._failure, self._has_answered = None, False
        listed = await self._listed(due)
        steps = (self._advance(s, items.get(s.item_id), listed) for s in due)
        told = await asyncio.gather(*steps, return_exceptions=True)
        for one in told:
            if isinstance(one, BaseException):
                raise one
        await self._record.save([one for one in told if isinstance(one, Submission)])
        await self._record.note_router(self._failure, has_answered=self._has_answered)
        return len(due)

    async def _listed(self, due: Sequence[Submission]) -> Mapping[str, Interaction]:
        """Open interactions by a snapshot, where there is a condition for one; by external id and by id."""
        condition = self._settings.snapshot_condition
        if not condition or not any(s.state is SubmissionState.SUBMITTED for s in due):
            return {}
        now = self._runtime.now()
        if self._listing is not None and now - self._listing[0] < self._pull:
            return self._listing[1]
        try:
            found = await self._router.listed(condition)
        except (RouterAwayError, RouterRefusedError) as error:
            self._failure = error.message
            return {}
        by_id = {one.id: one for one in found}
        by_id |= {one.external_id: one for one in found if one.external_id is not None}
        self._listing = (now, by_id)
        return by_id

    def _as_listed(self, one: Submission, listed: Mapping[str, Interaction]) -> Interaction | None:
        """What a snapshot says of it, if that is later than what is known."""
        if self._listing is None or one.state is not SubmissionState.SUBMITTED:
            return None
        if one.remote_at is not None and one.remote_at >= self._listing[0]:
            return None
        return listed.get(one.external_id) or listed.get(one.interaction_id or "")

    async def _advance(
        self, one: Submission, item: WorkItem | None, listed: Mapping[str, Interaction]
    ) -> Submission | None:
        """One submission a step further: as it is to be stored, None where that is done already."""
        async with self._together:
            try:
                return await self._step(one, item, listed)
            except RouterAwayError as error:
                self._failure = error.message
                self._count("away")
                return self._later(one, error)
            except RouterRefusedError as error:
                self._has_answered = True
                self._count("refused")
                return self._later(one, error)
            except (ConflictError, NotFoundError, InvalidTransitionError):
                return None  # moved on meanwhile: the next round sees it as it is

    async def _step(
        self, one: Submission, item: WorkItem | None, listed: Mapping[str, Interaction]
    ) -> Submission | None:
        if one.state is SubmissionState.SUBMITTING and one.sent_at is None:
            return await self._send(one, item)
        found = self._as_listed(one, listed)
        if found is None:
            found = await self._router.find(one.service, one.external_id)
        self._has_answered = True
        state = RemoteState.ABSENT if found is None else found.state
        agent = None if found is None else self._agent(found.assigned_to)
        now = self._runtime.now()
        step = next_step(one, state, agent, now, self._grace)
        seen = replace(
            one,
            remote_state=state,
            remote_at=now,
            interaction_id=one.interaction_id if found is None else found.id,
            absences=one.absences + 1 if found is None else 0,
            next_at=now + self._pull,
            revision=one.revision + 1,
            error=None,
        )
        match step:
            case Step.SEND:
                return await self._send(one, item)
            case Step.STOP:
                return await self._stop(seen)
            case Step.WAIT:
                return seen
            case Step.CONFIRM:
                return replace(seen, state=SubmissionState.SUBMITTED, attempts=0)
            case _:
                await self._become(one, seen, step, agent or f"{ROUTER.value}:?")
                return None

    def _agent(self, name: str | None) -> str | None:
        """An agent of ours by the same id, else one that only the router knows."""
        if name is None:
            return None
        picture = self._services.picture
        known = picture is not None and name in picture.desk.world.agents
        return name if known else f"{ROUTER.value}:{name}"

    async def _send(self, one: Submission, item: WorkItem | None) -> Submission | None:
        """Hands it over; that it was sent is stored before."""
        if item is None:
            return replace(one, next_at=self._runtime.now() + self._pull, revision=one.revision + 1)
        now, rules = self._runtime.now(), await self._runtime.rules()
        data = user_data(item, rules.queues.get(one.queue_id), rules)
        told = digest(data)
        sent = replace(
            one, sent_at=now, attempts=one.attempts + 1, absences=0, revision=one.revision + 1,
            next_at=now + self._pause(one.attempts + 1),
            told=told if one.sent_at is None or one.told == told else UNSURE,
        )  # fmt: skip
        await self._record.save([sent], strict=True)
        try:
            handed = await self._router.submit(one.service, one.external_id, item.received_at, data)
        except RouterRefusedError as error:
            self._has_answered = True
            self._count("refused")
            ended = replace(
                self._record.ended(sent, Ending.REFUSED), next_at=now + REFUSED_FOR, error=error.message[:500]
            )
            await self._record.conclude(sent, ended, [self._record.take_back(sent, "refused")])
            return None
        except RouterAwayError as error:
            self._failure = error.message
            self._count("away")
            return self._later(sent, error, counted=True)
        except asyncio.CancelledError:  # the lease is lost, perhaps long ago; the request may be on its way
            await self._undo_stray(one)
            raise
        self._has_answered = True
        self._count("submitted")
        after = replace(sent, next_at=self._runtime.now() + SOON, revision=sent.revision + 1)
        if handed.interaction_id is not None:
            after = replace(
                after, state=SubmissionState.SUBMITTED, interaction_id=handed.interaction_id, attempts=0,
                error=None, next_at=self._runtime.now() + self._pull, told=sent.told if handed.existed else told,
            )  # fmt: skip
        try:
            await self._record.save([after], strict=True)
        except (FencedError, ConflictError):
            await self._undo_stray(one, handed.interaction_id)
            raise
        return None

    async def _undo_stray(self, one: Submission, interaction_id: str | None = None) -> None:
        if await stop_stray(self._runtime.store, self._router, one, interaction_id):
            self._count("stray")

    async def _stop(self, one: Submission) -> Submission:
        """Asks the router to stop it; whether it has is found out by asking soon."""
        if one.interaction_id is None:
            return one
        asked = replace(one, attempts=one.attempts + 1)
        await self._router.stop(one.interaction_id, str(one.id), completed=one.recall is Recall.FINISHED)
        self._count("stopped")
        pause = SOON if asked.attempts == 1 else self._pause(asked.attempts)
        return replace(asked, next_at=self._runtime.now() + pause)

    async def _become(self, before: Submission, seen: Submission, step: Step, agent: str) -> None:
        """What the router says becomes true of the item, in one transaction with the submission."""
        match step:
            case Step.ASSIGN:
                assign = self._record.command(before, lambda i, c: routed_item.assign(i, c, agent))
                after = replace(
                    seen, state=SubmissionState.WORKING, recall=None, assigned_to=agent, attempts=0
                )
                await self._record.conclude(before, after, [assign], with_assignment=True)
            case Step.HAND_BACK:
                after = replace(
                    seen, state=SubmissionState.SUBMITTED, assignment_id=None, assigned_to=None, attempts=0
                )
                await self._record.conclude(
                    before, after, [self._record.command(before, routed_item.hand_back)]
                )
            case Step.COMPLETE | Step.CANCEL:
                is_completed = step is Step.COMPLETE
                finish = routed_item.complete if is_completed else routed_item.cancel
                ended = self._record.ended(seen, Ending.COMPLETED if is_completed else Ending.CANCELED)
                back = self._record.take_back(before, ended.ending or "")
                try:
                    await self._record.conclude(before, ended, [self._record.command(before, finish), back])
                except (ConflictError, NotFoundError, InvalidInputError, InvalidTransitionError):
                    await self._record.conclude(before, ended, [back], lenient=True)
            case Step.LOSE:
                acts = [self._record.take_back(before, "lost")]
                if before.state is SubmissionState.WORKING:
                    acts.insert(0, self._record.command(before, routed_item.hand_back))
                await self._record.conclude(before, self._record.ended(seen, Ending.LOST), acts, lenient=True)
            case _:
                ending = Ending.NEVER if seen.interaction_id is None else Ending.RECALLED
                acts = [self._record.take_back(before, "recalled")]
                await self._record.conclude(before, self._record.ended(seen, ending), acts, lenient=True)
        self._count(step.value)

    # Failures

    def _pause(self, failures: int) -> timedelta:
        return pause_after(failures) * (0.5 + self._chance() / 2)

    def _later(self, one: Submission, error: OpenIwdError, *, counted: bool = False) -> Submission:
        """Tried again after a pause, which the router may have asked for."""
        attempts = one.attempts if counted else one.attempts + 1
        asked: Any = error.details.get("retry_after")
        pause = max(self._pause(attempts), timedelta(seconds=float(asked or 0)))
        return replace(
            one, attempts=attempts, error=error.message[:500], next_at=self._runtime.now() + pause,
            revision=one.revision + 1,
        )  # fmt: skip

    async def tidy(self) -> int:
        """Forgets what ended long ago; how many."""
        return await self._record.tidy()
