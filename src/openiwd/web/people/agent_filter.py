"""Which agents a list shows: by text, group, skill and state; for the live list and the configuration. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from openiwd.domain.agent import AgentState
from openiwd.ports.tenant_store import AgentQuery
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

    def wanted(self) -> AgentQuery:
        """For the store; inactive agents are asked for as such."""
        return AgentQuery(
            text=self.q or None,
            group=self.group or None,
            skill=self.skill or None,
            active=None if not self.state else self.state != INACTIVE,
            state=AgentState(self.state) if self.state in STATES else None,
        )


class Choice(NamedTuple):
    """A select of the search bar; its label stands for no choice."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]]


def filter_of(query: Mapping[str, str]) -> AgentFilter:
    """From the parameters of an address; unknown states are none."""
    state = query.get("state", "")
    return AgentFilter(
        q=query.get("q", "").strip()[:100],
        group=query.get("group", ""),
        skill=query.get("skill", ""),
        state=state if state in (*STATES, INACTIVE) else "",
    )


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
