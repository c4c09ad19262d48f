"""Agents as lines and as a profile to edit. Pure view models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

from openiwd.domain.agent import Absence, Agent, AgentState
from openiwd.usecases.agent import EVERY_MEDIA
from openiwd.web.item.row_view import Shown
from openiwd.web.shell.sent import LOCAL
from openiwd.web.shell.time_text import TimeText
from openiwd.web.shell.visit import initials
from openiwd.web.workspace.workspace_view import STATE_ICONS, state_text

CSS: Final = {
    AgentState.READY: "ok",
    AgentState.NOT_READY: "warn",
    AgentState.AFTER_WORK: "",
    AgentState.LOGGED_OUT: "",
}
TAGS: Final = 3


class Tags(NamedTuple):
    """The first of some names, and how many more there are; all of them for hovering."""

    first: list[str]
    more: int
    all: str


class AgentLine(NamedTuple):
    id: str
    name: str
    initials: str
    href: str
    desk_href: str
    employee_id: str
    active: bool
    groups: Tags
    skills: Tags
    capacity: str
    state: str
    css: str
    icon: str
    pending: str
    since: str
    items: str
    items_href: str
    absent: str


class SkillRow(NamedTuple):
    skill: str
    level: str
    until: str
    error: str = ""


class AbsenceRow(NamedTuple):
    start: str
    end: str
    reason: str
    error: str = ""


def tags_of(names: Sequence[str]) -> Tags:
    first = list(names[:TAGS]) if len(names) != TAGS + 1 else list(names)
    return Tags(first, len(names) - len(first), ", ".join(names))


def edit_href(agent_id: str) -> str:
    return f"/configuration/agents/{quote(agent_id, safe='')}"


def desk_href(agent_id: str) -> str:
    return f"/agents/{quote(agent_id, safe='')}"


def line_of(
    agent: Agent, items: int, groups: Mapping[str, str], skills: Mapping[str, str], shown: Shown
) -> AgentLine:
    """One agent of a list; names of groups and skills as people know them."""
    t, times = shown.t, shown.times
    state = agent.state(EVERY_MEDIA)
    pending = (
        t("state.pending", state=t.named("state", state.pending.value)) if state.pending is not None else ""
    )
    known = [
        f"{skills.get(s.skill, s.skill)} {s.level}"
        for s in sorted(agent.skills, key=lambda s: -s.level)
        if s.until is None or s.until > times.now
    ]
    return AgentLine(
        id=agent.id,
        name=agent.name,
        initials=initials(agent.name),
        href=edit_href(agent.id),
        desk_href=desk_href(agent.id),
        employee_id=agent.employee_id or "",
        active=agent.active,
        groups=tags_of([groups.get(g, g) for g in agent.groups]),
        skills=tags_of(known),
        capacity=capacity_text(agent),
        state=state_text(state, shown),
        css=CSS[state.state],
        icon=STATE_ICONS[state.state],
        pending=pending,
        since=times.since(state.since) if state.since is not None else "–",
        items=t("workspace.media_use", used=items, total=agent.capacity.total),
        items_href=f"/?agent={quote(agent.id, safe='')}",
        absent=absent_text(agent, shown),
    )


def capacity_text(agent: Agent) -> str:
    """`4, email 2`: the total weight, then limits of media types."""
    limits = [f"{media} {n}" for media, n in agent.capacity.media.items()]
    return ", ".join([str(agent.capacity.total), *limits])


def absent_text(agent: Agent, shown: Shown) -> str:
    """Until when, for who is absent now."""
    now = shown.times.now
    ends = [a.end for a in agent.absences if a.start <= now < a.end]
    return shown.t("people.absent_until", at=shown.times.clock(max(ends))) if ends else ""


def skill_rows(agent: Agent, times: TimeText) -> list[SkillRow]:
    return [
        SkillRow(s.skill, str(s.level), times.local(s.until).strftime(LOCAL) if s.until is not None else "")
        for s in agent.skills
    ]


def absence_rows(absences: Sequence[Absence], times: TimeText) -> list[AbsenceRow]:
    return [
        AbsenceRow(times.local(a.start).strftime(LOCAL), times.local(a.end).strftime(LOCAL), a.reason or "")
        for a in sorted(absences, key=lambda a: a.start)
    ]
