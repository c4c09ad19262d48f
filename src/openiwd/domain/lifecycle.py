"""The lifecycle: which action leads from which status to which. One table; the docs page is made from it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from openiwd.domain.errors import InvalidTransitionError
from openiwd.domain.work_item import FINAL, HELD_CLASS, OPEN, Status

_ACTIVE = OPEN - HELD_CLASS


class Action(StrEnum):
    CREATE = "create"
    CLASSIFY = "classify"
    REJECT = "reject"
    ACTIVATE = "activate"
    OFFER = "offer"
    ACCEPT = "accept"
    PULL = "pull"
    ASSIGN = "assign"
    DECLINE = "decline"
    TIME_OUT = "timeOut"
    LOSE = "lose"
    WITHDRAW = "withdraw"
    COMPLETE = "complete"
    RETURN = "return"
    TRANSFER = "transfer"
    HOLD = "hold"
    RESUME = "resume"
    CANCEL = "cancel"
    REOPEN = "reopen"
    RESTART = "restart"
    UPDATE = "update"
    END_RESERVATION = "endReservation"
    DELETE = "delete"


class Rule(NamedTuple):
    """One line of the table: `to` names every status that the action can lead to, and `when` says which."""

    action: Action
    origin: frozenset[Status] | None
    to: tuple[Status, ...]
    when: str


_N, _C, _Q, _A = Status.NEW, Status.CAPTURED, Status.QUEUED, Status.ASSIGNED
_H, _E, _R = Status.HELD, Status.ERRORHELD, Status.REJECTED

TABLE: tuple[Rule, ...] = (
    Rule(Action.CREATE, None, (_N,), "always; classification follows in the same transaction"),
    Rule(
        Action.CLASSIFY,
        frozenset({_N}),
        (_C, _Q, _H, _E, _R),
        "captured while activationDateTime is ahead, else queued; held by a rule; errorheld without category, "
        "on a rule error or bad data; rejected by a rule or when the category reached is outside its active dates",
    ),
    Rule(Action.REJECT, frozenset({_N, _C, _Q}), (_R,), "reject action of a rule"),
    Rule(Action.ACTIVATE, frozenset({_C}), (_Q,), "activationDateTime has come, or released early"),
    Rule(Action.OFFER, frozenset({_Q}), (_Q,), "the decider offers the item to an agent; place and age stay"),
    Rule(Action.ACCEPT, frozenset({_Q}), (_A,), "the agent accepts the open offer"),
    Rule(Action.PULL, frozenset({_Q}), (_A,), "next best for me, or picked from a list"),
    Rule(
        Action.ASSIGN,
        frozenset({_Q, _A}),
        (_A,),
        "assigned by a supervisor; may override eligibility and capacity, warned",
    ),
    Rule(Action.DECLINE, frozenset({_Q}), (_Q,), "the agent declines; keeps its place and age"),
    Rule(Action.TIME_OUT, frozenset({_Q}), (_Q,), "the offer's time is over; keeps its place and age"),
    Rule(Action.LOSE, frozenset({_Q}), (_Q,), "the agent's connection is lost; keeps its place and age"),
    Rule(Action.WITHDRAW, frozenset({_Q}), (_Q,), "the offer is taken back; keeps its place and age"),
    Rule(
        Action.END_RESERVATION,
        frozenset({_Q}),
        (_Q,),
        "the reservation for one agent ends; open to all of the queue",
    ),
    Rule(
        Action.COMPLETE,
        OPEN,
        (Status.COMPLETED,),
        "by the agent who has it, by the source or by a supervisor",
    ),
    Rule(Action.RETURN, frozenset({_A}), (_Q,), "back to its queue, place and age kept"),
    Rule(Action.TRANSFER, frozenset({_A, _Q}), (_Q,), "to a queue, or reserved for another agent"),
    Rule(Action.HOLD, _ACTIVE, (_H,), "with a listed reason, optionally until something happens"),
    Rule(
        Action.RESUME,
        HELD_CLASS,
        (_N, _C, _Q, _E, _H, _R),
        "new if never classified (and classified at once), captured if activation is ahead, else queued; "
        "an errorheld item is processed again",
    ),
    Rule(Action.CANCEL, OPEN, (Status.CANCELED,), "by the source or a supervisor, with a reason"),
    Rule(
        Action.REOPEN,
        frozenset({Status.COMPLETED, Status.CANCELED}),
        (_Q, _H, _E, _R),
        "queued: anchor = now, last agent preferred, due date made by schema or rule recomputed; "
        "classified anew only if the live rules know its queue or schema no more",
    ),
    Rule(
        Action.RESTART,
        frozenset(Status),
        (_C, _Q, _H, _E, _R),
        "new, and classified at once, with or without changes",
    ),
    Rule(
        Action.UPDATE,
        OPEN,
        (*(s for s in Status if s in OPEN), _R),
        "stays; classified again in the same transaction when an attribute that a rule uses has changed",
    ),
    Rule(
        Action.DELETE, FINAL, (), "removed from the live store past expirationDateTime, or deleted by right"
    ),
)

_BY_ACTION = {rule.action: rule for rule in TABLE}


def allowed(action: Action, status: Status) -> bool:
    """Whether the lifecycle knows this action in this status."""
    origin = _BY_ACTION[action].origin
    return origin is not None and status in origin


def require(action: Action, status: Status) -> None:
    """Raises InvalidTransitionError naming the status and where the action is possible."""
    if not allowed(action, status):
        origin = _BY_ACTION[action].origin or frozenset()
        names = ", ".join(s for s in Status if s in origin)
        raise InvalidTransitionError(
            f"the item is {status.value}: {action.value} is not possible",
            field="status",
            hint=f"{action.value} works for items that are {names}",
            status=status.value,
        )


def possible_actions(status: Status) -> tuple[Action, ...]:
    """All actions that the lifecycle knows in this status."""
    return tuple(a for a in Action if allowed(a, status))


def documentation() -> str:
    """The table as a Markdown page."""
    lines = [
        "# Status and transitions",
        "",
        "Made from `openiwd.domain.lifecycle` by `openiwd reference`; do not edit.",
        "",
        "| on | from | to | which, and when |",
        "|---|---|---|---|",
    ]
    for rule in TABLE:
        origin = (
            "(none)"
            if rule.origin is None
            else "any"
            if rule.origin == frozenset(Status)
            else ", ".join(s for s in Status if s in rule.origin)
        )
        lines.append(f"| {rule.action} | {origin} | {', '.join(rule.to) or '(removed)'} | {rule.when} |")
    final = ", ".join(s for s in Status if s in FINAL)
    held = ", ".join(s for s in Status if s in HELD_CLASS)
    lines += ["", f"Final: {final}. Held-class: {held}.", ""]
    lines += ["An invalid transition is answered with 409 and the current status.", ""]
    return "\n".join(lines)
