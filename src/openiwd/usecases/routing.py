"""Speaks to an external router for one tenant: which items it is to have, and what became of those that it has.

Each step is stored before its request goes out, and what came of a request is found out by asking. All writes hold the
epoch of whoever speaks to the router. The order is that of the picture; nothing here gives an item to an agent of ours.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

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
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import system
from openiwd.domain.queue import Queue, RoutingTarget
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
    external_id,
    is_outdated,
    next_step,
    pause_after,
    recall_of,
)
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import WorkItem
from openiwd.ports.external_router import ExternalRouter, Interaction, RouterAwayError, RouterRefusedError
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.routing_data import Tellings, digest, user_data
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

ROUTER: Final = RoutingTarget.GWS
CALLER: Final = system("gws")
BEGUN_AT_ONCE: Final = 50
"""Submissions stored in one transaction."""
ASKED_AT_ONCE: Final = 100
"""Submissions whose time has come, of one round."""
TOGETHER: Final = 8
"""Requests at the same time."""
SOON: Final = timedelta(milliseconds=200)
GRACE_TIMEOUTS: Final = 3
"""Time-outs after which a request that was sent cannot reach the router any more."""
SERVICE: Final = "gwsService"
KEPT: Final = timedelta(days=30)

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
        self._epoch = epoch
        self._chance = chance
        self._count = count
        self._together = asyncio.Semaphore(TOGETHER)
        self._noted: tuple[str | None, datetime] | None = None
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
            done += await self._begin(wanted.begin[start : start + BEGUN_AT_ONCE], rules)
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

    async def _begin(self, items: Sequence[BacklogItem], rules: CompiledRuleSet) -> int:
        """Stores the submissions with the items that they are of; who has moved on meanwhile is passed over."""
        now = self._runtime.now()

        def command(item: BacklogItem) -> Command:
            queue = rules.queues[item.queue_id]
            service = str(queue.attached_data.get(SERVICE) or self._settings.service)

            def hand_over(found: WorkItem, ctx: Context) -> Change:
                return routed_item.hand_over(found, ctx, ROUTER, external_id(found.id, found.revision + 1))

            async def store(tx: Writing, found: WorkItem) -> None:
                await tx.add_submissions([
                    Submission(
                        id=self._runtime.new_id(), item_id=found.id, item_number=found.number,
                        external_id=external_id(found.id, found.revision), queue_id=found.queue_id or "",
                        segment=found.segment, service=service, state=SubmissionState.SUBMITTING,
                        next_at=now, begun_at=now,
                    )
                ])  # fmt: skip

            return Command(
                action=Action.UPDATE, caller=CALLER, item_id=item.id, if_match=item.revision, custom=hand_over,
                along=store, internal=True,
            )  # fmt: skip

        results = await apply(self._runtime, [command(i) for i in items], also=self._fenced)
        return sum(isinstance(result, Done) for result in results)

    async def _fenced(self, tx: Writing, _: Sequence[Result]) -> None:
        await tx.hold_router_epoch(ROUTER.value, self._epoch)

    async def _recall(self, wanted: Sequence[tuple[Submission, Recall]]) -> int:
        now, stored = self._runtime.now(), list[Submission]()
        for one, reason in wanted:
            after = replace(
                one, state=SubmissionState.RECALLING, recall=reason, attempts=0, absences=0, next_at=now,
                revision=one.revision + 1,
            )  # fmt: skip
            if one.sent_at is None:  # the router has never heard of it
                with suppress(ConflictError):  # it has just been sent: the next plan recalls it
                    await self._conclude(
                        one, self._ended(after, Ending.NEVER), [self._take_back(one, "recalled")]
                    )
            else:
                stored.append(after)
        await self._save(stored)
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
        await self._save([one for one in told if isinstance(one, Submission)])
        await self._note_router()
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
        await self._save([sent], strict=True)
        try:
            handed = await self._router.submit(one.service, one.external_id, item.received_at, data)
        except RouterRefusedError as error:
            self._has_answered = True
            self._count("refused")
            ended = replace(
                self._ended(sent, Ending.REFUSED), next_at=now + REFUSED_FOR, error=error.message[:500]
            )
            await self._conclude(sent, ended, [self._take_back(sent, "refused")])
            return None
        except RouterAwayError as error:
            self._failure = error.message
            self._count("away")
            return self._later(sent, error, counted=True)
        self._has_answered = True
        self._count("submitted")
        after = replace(sent, next_at=self._runtime.now() + SOON, revision=sent.revision + 1)
        if handed.interaction_id is not None:
            after = replace(
                after, state=SubmissionState.SUBMITTED, interaction_id=handed.interaction_id, attempts=0,
                error=None, next_at=self._runtime.now() + self._pull, told=sent.told if handed.existed else told,
            )  # fmt: skip
        try:
            await self._save([after], strict=True)
        except (FencedError, ConflictError):
            await self._undo_stray(one, handed.interaction_id)
            raise
        return None

    async def _undo_stray(self, one: Submission, interaction_id: str | None) -> None:
        """The request was so late that others have given the submission up meanwhile: it must not stay there."""
        async with self._runtime.store.reading() as reading:
            open_ids = {s.id for s in await reading.open_submissions()}
        if one.id not in open_ids and interaction_id is not None:
            self._count("stray")
            await self._router.stop(interaction_id, str(one.id), completed=False)

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
                assign = self._command(before, lambda i, c: routed_item.assign(i, c, agent))
                after = replace(
                    seen, state=SubmissionState.WORKING, recall=None, assigned_to=agent, attempts=0
                )
                await self._conclude(before, after, [assign], with_assignment=True)
            case Step.HAND_BACK:
                after = replace(
                    seen, state=SubmissionState.SUBMITTED, assignment_id=None, assigned_to=None, attempts=0
                )
                await self._conclude(before, after, [self._command(before, routed_item.hand_back)])
            case Step.COMPLETE | Step.CANCEL:
                is_completed = step is Step.COMPLETE
                finish = routed_item.complete if is_completed else routed_item.cancel
                ended = self._ended(seen, Ending.COMPLETED if is_completed else Ending.CANCELED)
                back = self._take_back(before, ended.ending or "")
                try:
                    await self._conclude(before, ended, [self._command(before, finish), back])
                except (ConflictError, NotFoundError, InvalidInputError, InvalidTransitionError):
                    await self._conclude(before, ended, [back], lenient=True)
            case Step.LOSE:
                acts = [self._take_back(before, "lost")]
                if before.state is SubmissionState.WORKING:
                    acts.insert(0, self._command(before, routed_item.hand_back))
                await self._conclude(before, self._ended(seen, Ending.LOST), acts, lenient=True)
            case _:
                ending = Ending.NEVER if seen.interaction_id is None else Ending.RECALLED
                acts = [self._take_back(before, "recalled")]
                await self._conclude(before, self._ended(seen, ending), acts, lenient=True)
        self._count(step.value)

    # Writing

    def _command(self, one: Submission, act: Callable[[WorkItem, Context], Change | None]) -> Command:
        return Command(action=Action.UPDATE, caller=CALLER, item_id=one.item_id, custom=act, internal=True)

    def _take_back(self, one: Submission, reason: str) -> Command:
        return self._command(one, lambda item, ctx: routed_item.take_back(item, ctx, reason))

    def _ended(self, one: Submission, ending: Ending) -> Submission:
        now = self._runtime.now()
        return replace(one, state=SubmissionState.ENDED, ending=ending, ended_at=now, next_at=now)

    async def _conclude(
        self,
        before: Submission,
        after: Submission,
        commands: Sequence[Command],
        *,
        with_assignment: bool = False,
        lenient: bool = False,
    ) -> None:
        """Items and submission together, or neither; raises what went wrong with an item.

        `lenient`: what is no longer possible for the item (it is gone, or finished) does not keep the rest.
        """
        after = replace(after, revision=before.revision + 1)

        async def also(tx: Writing, results: Sequence[Result]) -> None:
            await tx.hold_router_epoch(ROUTER.value, self._epoch)
            stored = after
            if with_assignment and isinstance(results[0], Done):
                stored = replace(after, assignment_id=results[0].item.assignment_id)
            await _save_strictly(tx, [stored])

        results = await apply(self._runtime, commands, also=also, always=True, atomic=not lenient)
        failed = next((r for r in results if isinstance(r, OpenIwdError)), None)
        if failed is not None and not lenient:
            raise failed

    async def _save(self, submissions: Sequence[Submission], *, strict: bool = False) -> None:
        if not submissions:
            return
        async with self._runtime.store.writing() as tx:
            await tx.hold_router_epoch(ROUTER.value, self._epoch)
            if strict:
                await _save_strictly(tx, submissions)
            else:
                await tx.save_submissions(submissions)

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

    async def _note_router(self) -> None:
        """How the router is, for alarms and the doctor; written on change, and now and then."""
        failure = None if self._has_answered else self._failure
        now = self._runtime.now()
        if not self._has_answered and failure is None:
            return
        self._services.router_failure = failure
        noted = self._noted
        if noted is not None and noted[0] == failure and now - noted[1] < timedelta(seconds=30):
            return
        async with self._runtime.store.writing() as tx:
            await tx.hold_router_epoch(ROUTER.value, self._epoch)
            await tx.note_router(ROUTER.value, failure, now)
        self._noted = (failure, now)

    async def tidy(self) -> int:
        """Forgets what ended long ago; how many."""
        async with self._runtime.store.writing() as tx:
            await tx.hold_router_epoch(ROUTER.value, self._epoch)
            return await tx.forget_submissions(self._runtime.now() - KEPT, 1_000)


async def _save_strictly(tx: Writing, submissions: Sequence[Submission]) -> None:
    wanted: set[UUID] = {one.id for one in submissions}
    if await tx.save_submissions(submissions) != wanted:
        raise ConflictError("the submission was changed meanwhile", code="submissionMoved")
