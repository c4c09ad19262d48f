"""Which transition a command asks for. Decides nothing about the item: the domain does."""

from __future__ import annotations

from openiwd.domain import assignment, finish, hold, judging, waiting
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.lifecycle import Action
from openiwd.domain.transition import Change, Context
from openiwd.domain.work_item import ItemUpdate, Status, WorkItem
from openiwd.usecases.command import Command


def change_of(command: Command, item: WorkItem, ctx: Context) -> Change | None:  # one line per action
    c = command
    match c.action:
        case Action.UPDATE:
            return judging.update(item, c.update or ItemUpdate(), ctx, c.reclassify)
        case Action.CLASSIFY:
            return judging.reclassify(item, ctx)
        case Action.HOLD:
            return hold.hold(
                item,
                ctx,
                c.reason or "other",
                until=c.hold_until,
                wakes_on=c.wakes_on,
                keep_for=c.keep_for,
                comment=c.comment,
            )
        case Action.RESUME:
            if item.status is Status.ERRORHELD or (item.status is Status.HELD and item.category_id is None):
                return judging.resume_unclassified(item, ctx, because=c.because, comment=c.comment)
            return hold.resume(item, ctx, because=c.because, comment=c.comment)
        case Action.CANCEL:
            return finish.cancel(item, ctx, reason=c.reason, comment=c.comment)
        case Action.COMPLETE:
            return finish.complete(
                item, ctx, reason=c.reason, result_code=c.result_code, comment=c.comment, agent_id=c.agent_id
            )
        case Action.RESTART:
            return judging.restart(item, ctx, c.update, reason=c.reason)
        case Action.REOPEN:
            return judging.reopen(item, ctx, reason=c.reason, comment=c.comment)
        case Action.ACTIVATE:
            return waiting.activate(item, ctx)
        case Action.ASSIGN:
            if c.agent_id is None:
                raise InvalidInputError("an agent is needed", field="agent", hint="name the agent's id")
            return assignment.assign(item, ctx, c.agent_id, comment=c.comment)
        case Action.TRANSFER:
            if c.agent_id is not None:
                return assignment.transfer_to_agent(
                    item, ctx, c.agent_id, sender=c.caller.agent_id, comment=c.comment
                )
            return assignment.transfer_to_queue(item, ctx, c.queue_id, comment=c.comment)
        case Action.RETURN:
            return assignment.return_to_queue(item, ctx, reason=c.reason, comment=c.comment)
        case Action.ACCEPT:
            if c.offer_id is None or c.agent_id is None:
                raise InvalidInputError("an offer is needed", field="offer")
            return assignment.accept(item, ctx, c.offer_id, c.agent_id)
        case Action.DECLINE | Action.TIME_OUT | Action.LOSE | Action.WITHDRAW:
            if c.offer_id is None or c.outcome is None:
                raise InvalidInputError("an offer is needed", field="offer")
            return assignment.end_offer(
                item, ctx, c.offer_id, c.outcome, agent_id=c.agent_id, reason=c.reason
            )
        case Action.END_RESERVATION:
            return waiting.expire(item, ctx)
        case Action.DELETE:
            return finish.delete(item, ctx, reason=c.reason)
        case Action.CREATE | Action.REJECT | Action.OFFER | Action.PULL:
            raise InvalidInputError(f"{c.action.value} is not done this way", field="action")
