"""Which agents a list shows: by text, group, skill and state; for the live list and the configuration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from openiwd.domain.agent import Agent, AgentState
from openiwd.usecases.agent import EVERY_MEDIA
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.listing import address

INACTIVE: Final = "inactive"
STATES: Final = tuple(s.value for s in AgentState)


class AgentFilter(NamedTuple):
    """What is asked for; empty texts are not looked at."""

    q: str = ""
    group: str = ""
    skill: str = ""
    state: str = ""

    def query(self) -> dict[str, str]:
        return {k: v for k, v in self._asdict().items() if v}

    def address(self, path: str) -> str:
        return address(path, self._asdict())

    def matches(self, agent: Agent) -> bool:
        """Whether the agent is among those asked for."""
        if self.q and not _holds(agent, self.q.casefold()):
            return False
        if self.group and self.group not in agent.groups:
            return False
        if self.skill and all(s.skill != self.skill for s in agent.skills):
            return False
        if self.state == INACTIVE:
            return not agent.active
        return not self.state or (agent.active and agent.state(EVERY_MEDIA).state.value == self.state)


class Choice(NamedTuple):
    """A select of the search bar; its label stands for no choice."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]]


def _holds(agent: Agent, text: str) -> bool:
    texts = (agent.name, agent.id, agent.employee_id or "", agent.user_login or "")
    return any(text in each.casefold() for each in texts)


def filter_of(query: Mapping[str, str]) -> AgentFilter:
    """From the parameters of an address; unknown states are none."""
    state = query.get("state", "")
    return AgentFilter(
        q=query.get("q", "").strip()[:100],
        group=query.get("group", ""),
        skill=query.get("skill", ""),
        state=state if state in (*STATES, INACTIVE) else "",
    )


def found_by(wanted: AgentFilter, agents: Iterable[Agent]) -> list[Agent]:
    return [a for a in agents if wanted.matches(a)]


def choices_of(
    wanted: AgentFilter, groups: Mapping[str, str], skills: Mapping[str, str], t: Catalogue, *, states: bool
) -> list[Choice]:
    """The selects beside the search: group, skill, and where wanted the state."""
    state_names = [(s, t.named("state", s)) for s in STATES] + [(INACTIVE, t("people.inactive"))]
    found = [
        Choice("group", t("people.every_group"), wanted.group, list(groups.items())),
        Choice("skill", t("people.every_skill"), wanted.skill, list(skills.items())),
    ]
    if states:
        found.append(Choice("state", t("people.every_state"), wanted.state, state_names))
    return found
