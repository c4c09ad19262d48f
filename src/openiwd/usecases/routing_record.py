"""Submissions as they are stored: together with the items that they are of, or neither, and always under the epoch of
whoever speaks to the router. Decides nothing, and speaks to nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from msgspec.structs import replace

from openiwd.domain import routed_item
from openiwd.domain.backlog_item import BacklogItem
from openiwd.domain.errors import ConflictError, OpenIwdError
from openiwd.domain.lifecycle import Action
from openiwd.domain.privilege import system
from openiwd.domain.queue import RoutingTarget
from openiwd.domain.routing import Ending, Submission, SubmissionState, external_id
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import WorkItem
from openiwd.ports.tenant_store import Writing
from openiwd.usecases.command import Command, Done, Result
from openiwd.usecases.work_item import apply

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

ROUTER: Final = RoutingTarget.GWS
CALLER: Final = system("gws")
SERVICE: Final = "gwsService"
KEPT: Final = timedelta(days=30)
FORGOTTEN_AT_ONCE: Final = 1_000
NOTED_AGAIN: Final = timedelta(seconds=30)


class RoutingRecord:
    """What is written of one router's submissions, for as long as the epoch lasts (then FencedError)."""

    def __init__(self, services: TenantServices, epoch: int) -> None:
        self._services = services
        self._runtime = services.runtime
        self.epoch = epoch
        self._noted: tuple[str | None, datetime] | None = None

    def command(self, one: Submission, act: Callable[[WorkItem, Context], Change | None]) -> Command:
        return Command(action=Action.UPDATE, caller=CALLER, item_id=one.item_id, custom=act, internal=True)

    def take_back(self, one: Submission, reason: str) -> Command:
        return self.command(one, lambda item, ctx: routed_item.take_back(item, ctx, reason))

    def ended(self, one: Submission, ending: Ending) -> Submission:
        now = self._runtime.now()
        return replace(one, state=SubmissionState.ENDED, ending=ending, ended_at=now, next_at=now)

    async def begin(self, items: Sequence[BacklogItem], rules: CompiledRuleSet, usual_service: str) -> int:
        """Stores new submissions with their items; who has moved on meanwhile is passed over. How many."""
        now = self._runtime.now()

        def command(item: BacklogItem) -> Command:
            queue = rules.queues[item.queue_id]
            service = str(queue.attached_data.get(SERVICE) or usual_service)

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
        await tx.hold_router_epoch(ROUTER.value, self.epoch)

    async def conclude(
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
            await tx.hold_router_epoch(ROUTER.value, self.epoch)
            stored = after
            if with_assignment and isinstance(results[0], Done):
                stored = replace(after, assignment_id=results[0].item.assignment_id)
            await _save_strictly(tx, [stored])

        results = await apply(self._runtime, commands, also=also, always=True, atomic=not lenient)
        failed = next((r for r in results if isinstance(r, OpenIwdError)), None)
        if failed is not None and not lenient:
            raise failed

    async def save(self, submissions: Sequence[Submission], *, strict: bool = False) -> None:
        if not submissions:
            return
        async with self._runtime.store.writing() as tx:
            await tx.hold_router_epoch(ROUTER.value, self.epoch)
            if strict:
                await _save_strictly(tx, submissions)
            else:
                await tx.save_submissions(submissions)

    async def note_router(self, failure: str | None, *, has_answered: bool) -> None:
        """How the router is, for alarms and the doctor; written on change, and now and then."""
        failure = None if has_answered else failure
        now = self._runtime.now()
        if not has_answered and failure is None:
            return
        self._services.router_failure = failure
        noted = self._noted
        if noted is not None and noted[0] == failure and now - noted[1] < NOTED_AGAIN:
            return
        async with self._runtime.store.writing() as tx:
            await tx.hold_router_epoch(ROUTER.value, self.epoch)
            await tx.note_router(ROUTER.value, failure, now)
        self._noted = (failure, now)

    async def tidy(self) -> int:
        """Forgets what ended long ago; how many."""
        async with self._runtime.store.writing() as tx:
            await tx.hold_router_epoch(ROUTER.value, self.epoch)
            return await tx.forget_submissions(self._runtime.now() - KEPT, FORGOTTEN_AT_ONCE)


async def _save_strictly(tx: Writing, submissions: Sequence[Submission]) -> None:
    wanted: set[UUID] = {one.id for one in submissions}
    if await tx.save_submissions(submissions) != wanted:
        raise ConflictError("the submission was changed meanwhile", code="submissionMoved")
