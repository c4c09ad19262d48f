"""The answer to "why?": where an item stands, what its priority is made of, who could take it, what changes that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.decision import Decision, PriorityParts, of_plain
from openiwd.domain.eligibility import OF_QUEUE, Reason
from openiwd.domain.hold_reason import HoldReason
from openiwd.domain.instant import from_micros
from openiwd.domain.work_item import Status, WorkItem
from openiwd.usecases.item_detail import Explanation, OfferView
from openiwd.web.item.row_view import Shown, shown_value, subject_of
from openiwd.web.shell.said import said
from openiwd.web.shell.time_text import Moment

OUTCOME_ICONS: Final = {
    None: "bell", "accepted": "check", "declined": "x", "timedOut": "clock", "withdrawn": "undo", "lost": "alert",
}  # fmt: skip
_REASONS: Final = frozenset(r.value for r in Reason)


class Part(NamedTuple):
    value: str
    text: str
    op: str = ""


class ReasonView(NamedTuple):
    agents: int
    text: str
    percent: int


class ChangeView(NamedTuple):
    moment: Moment | None
    text: str
    gained: str


class Neighbour(NamedTuple):
    id: str
    subject: str
    priority: str
    difference: str


class OfferEntry(NamedTuple):
    moment: Moment | None
    icon: str
    title: str
    lines: list[str]


class WhyView(NamedTuple):
    lead: str
    rest: str
    parts: list[Part]
    considered: str
    able: str
    reasons: list[ReasonView]
    next: list[ChangeView]
    neighbours: list[Neighbour]
    offers: list[OfferEntry]
    foot: str


def decision_of(values: Mapping[str, Any] | None) -> Decision | None:
    """The record as the API tells it, if there is one."""
    if not values:
        return None
    try:
        return of_plain(dict(values))
    except msgspec.ValidationError:
        return None


def why_view(
    item: WorkItem,
    explanation: Explanation,
    around: Mapping[int, WorkItem],
    hold_reasons: Mapping[str, HoldReason],
    shown: Shown,
) -> WhyView:
    t, times = shown.t, shown.times
    waiting = decision_of(explanation.waiting)
    lead, rest = _lead(item, waiting, hold_reasons, shown)
    if waiting is None and item.status is Status.QUEUED and item.offer_id is None:
        lead, rest = t("why.no_decider"), ""
    last = next(
        (decision_of(o.decision) for o in explanation.offers if o.outcome in (None, "accepted")), None
    )
    told = waiting or last
    version = waiting.rule_set_version if waiting is not None else item.rule_set_version
    return WhyView(
        lead=lead,
        rest=rest,
        parts=_parts(told.priority, shown) if told is not None else [],
        considered=t("why.considered", n=waiting.considered) if waiting is not None else "",
        able=t("why.able", n=waiting.eligible) if waiting is not None else "",
        reasons=_reasons(waiting, shown) if waiting is not None else [],
        next=_changes(waiting, shown) if waiting is not None else [],
        neighbours=_neighbours(waiting, around, shown) if waiting is not None else [],
        offers=[_offer(o, shown) for o in explanation.offers],
        foot=t("why.foot", at=times.exact(times.now), version=str(version or "–")),
    )


def _lead(
    item: WorkItem, waiting: Decision | None, hold_reasons: Mapping[str, HoldReason], shown: Shown
) -> tuple[str, str]:
    t, times = shown.t, shown.times
    until = times.moment(item.hold_until)
    match item.status:
        case Status.QUEUED if item.offer_id is not None:
            ends = times.ago(item.offer_expires_at)
            return t("why.offered", agent=shown.agent(item.offered_to)), t(
                "why.offered_rest", at=ends.text
            ) if ends else ""
        case Status.QUEUED:
            return _waiting(waiting, shown) if waiting is not None else ("", "")
        case Status.ASSIGNED:
            return t("why.assigned", agent=shown.agent(item.assigned_to)), t("why.assigned_rest")
        case Status.HELD:
            reason = hold_reasons.get(item.hold_reason or "")
            name = reason.name if reason is not None else item.hold_reason or ""
            return t("why.held", reason=name), t("why.held_until", at=until.text) if until else t(
                "why.held_rest"
            )
        case Status.ERRORHELD:
            return t("why.errorheld"), said(item.error or "", t)
        case Status.CAPTURED:
            at = times.ago(item.activation_at)
            return t("why.captured"), t("why.captured_rest", at=at.text) if at else ""
        case Status.NEW:
            return t("why.new"), ""
        case Status.COMPLETED | Status.CANCELED | Status.REJECTED:
            return t("why.final", status=t.named("status", item.status.value)), t("why.final_rest")


def _waiting(waiting: Decision, shown: Shown) -> tuple[str, str]:
    t = shown.t
    reasons = [Reason(r) for r in waiting.excluded if r in _REASONS]
    of_queue = next((r for r in reasons if r in OF_QUEUE), None)
    if waiting.eligible:
        lead = t("why.waiting_some")
    elif of_queue is not None:
        lead = t("why.waiting_queue", reason=t.named("reason", of_queue.value))
    else:
        lead = t("why.waiting_none")
    rest = []
    if waiting.rank is not None:
        rest.append(t("why.place", n=waiting.rank, total=waiting.waiting))
    needs = [t("field.skill", skill=s, level=str(level)) for s, level, _ in waiting.skills]
    if needs and not waiting.eligible:
        rest.append(t("why.would_go", what=", ".join(needs)))
    return lead, " ".join(rest)


def _parts(priority: PriorityParts, shown: Shown) -> list[Part]:
    t = shown.t
    whole, value = round(priority.total), round(priority.value)
    total = Part(shown_value(whole), t("why.priority_now"))
    if priority.fixed is not None:
        return [total, Part(shown_value(priority.fixed), t("why.fixed_part"), "=")]
    parts = [total]
    if priority.curve is not None:
        age = shown.times.duration((priority.age or 0) / 1_000_000)
        # What is left after rounding the others, so that the sum is right to the eye as well.
        curve = whole - value - priority.adjustment
        parts.append(Part(shown_value(curve), t("why.curve_part", age=age), "="))
    if value:
        schema = shown.rules.schemas.get(priority.schema_id or "") if shown.rules is not None else None
        weight = shown_value(float(schema.value_weight)) if schema is not None else "?"
        parts.append(_signed(value, t("why.value_part", weight=weight)))
    if priority.adjustment:
        parts.append(_signed(priority.adjustment, t("why.adjustment_part")))
    return parts


def _signed(value: float, text: str) -> Part:
    return Part(shown_value(abs(value)), text, "+" if value >= 0 else "−")


def _reasons(waiting: Decision, shown: Shown) -> list[ReasonView]:
    most = max(waiting.excluded.values(), default=1) or 1
    ordered = sorted(waiting.excluded.items(), key=lambda found: -found[1])
    return [
        ReasonView(count, _reason(code, count, waiting, shown), round(count / most * 100))
        for code, count in ordered
    ]


def _reason(code: str, count: int, waiting: Decision, shown: Shown) -> str:
    t = shown.t
    group = "reason_one" if count == 1 and t.has(f"reason_one.{code}") else "reason"
    if code == Reason.SKILL and len(waiting.skills) == 1:
        skill, level, _ = waiting.skills[0]
        return t(f"{group}.skill_one", skill=t("field.skill", skill=skill, level=str(level)))
    return t.named(group, code)


def _changes(waiting: Decision, shown: Shown) -> list[ChangeView]:
    t, found = shown.t, []
    for change in waiting.changes:
        kind = change.kind
        if kind == "relaxation":
            kind = f"relaxation_{next((n for n in ('dropSkill', 'skill', 'group') if n in change.params), 'any')}"
        key = f"change.{kind}" if t.has(f"change.{kind}") else "change.other"
        params = {k: str(v) for k, v in change.params.items()}
        for name in ("agent",):
            if name in params:
                params[name] = shown.agent(params[name])
        gained = t("why.gained", n=change.gained) if change.gained else ""
        found.append(ChangeView(shown.times.moment(from_micros(change.at)), _filled(t(key), params), gained))
    return found


def _filled(text: str, params: Mapping[str, str]) -> str:
    try:
        return text.format_map(params)
    except KeyError:
        return text


def _neighbours(waiting: Decision, around: Mapping[int, WorkItem], shown: Shown) -> list[Neighbour]:
    found = []
    for number, priority in waiting.runners_up:
        item = around.get(number)
        if item is not None:
            difference = Fraction(str(priority)) - Fraction(str(waiting.priority.total))
            found.append(
                Neighbour(
                    str(item.id),
                    subject_of(item, shown.t),
                    shown_value(round(float(priority))),
                    shown_value(round(float(difference))),
                )
            )
    return found


def _offer(offer: OfferView, shown: Shown) -> OfferEntry:
    t, times = shown.t, shown.times
    key = f"offer.{offer.kind}" if t.has(f"offer.{offer.kind}") else "offer.push"
    lines = []
    decision = decision_of(offer.decision)
    if decision is not None:
        lines.append(
            t(
                "offer.because",
                priority=shown_value(round(float(decision.priority.total))),
                n=decision.waiting,
            )
        )
        lines += [
            t("workspace.why_skill", skill=skill, level=str(level), needed=str(needed))
            for skill, needed, level in decision.skills
        ]
    outcome = t.named("offer", offer.outcome or "open")
    ended = times.moment(offer.ended_date_time)
    lines.append(t("offer.outcome", outcome=outcome, at=ended.text) if ended is not None else outcome)
    if offer.reason:
        lines.append(t("event.reason", reason=offer.reason))
    return OfferEntry(
        times.moment(offer.offered_date_time),
        OUTCOME_ICONS.get(offer.outcome, "bell"),
        t(key, agent=shown.agent(offer.agent)),
        lines,
    )


def why_you(item: WorkItem, decision: Decision | None, shown: Shown) -> Sequence[str]:
    """What an agent is told beside an offer."""
    t = shown.t
    if decision is None:
        return []
    lines = [t("workspace.why_best", n=decision.waiting)] if decision.waiting > 1 else []
    for skill, needed, level in decision.skills:
        lines.append(t("workspace.why_skill", skill=skill, level=str(level), needed=str(needed)))
    if item.reserved_for is not None and item.reserved_for == decision.agent_id:
        lines.append(t("workspace.why_kept"))
    elif item.last_agent is not None and item.last_agent == decision.agent_id:
        lines.append(t("workspace.why_last"))
    if decision.eligible > 1:
        lines.append(t("workspace.why_idle", n=decision.eligible))
    return lines
