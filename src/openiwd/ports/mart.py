"""Needs: the data mart of one tenant, what feeds it, and where names of agents come from besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, NamedTuple, Protocol
from uuid import UUID

import msgspec
from msgspec import Struct

from openiwd.domain.errors import OpenIwdError


class MartBusyError(OpenIwdError):
    """Another run works on this mart: the second one leaves at once."""

    code = "martBusy"


NOTHING: Final = msgspec.Raw(b"null")


class FedEvent(Struct, rename="camel"):
    """An event as the feed tells it; its body stays as it came."""

    cursor: str
    at: datetime
    type: str
    actor: str
    item_id: UUID | None = None
    item_number: int | None = None
    revision: int | None = None
    subject_id: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"{}")
    personal: msgspec.Raw = NOTHING


class FeedPage(NamedTuple):
    events: list[FedEvent]
    next: str
    head: str


class RuleSetNames(Struct):
    """A published version, as far as reports need it."""

    version: int
    published_at: datetime
    document: dict[str, Any]


class AgentName(NamedTuple):
    """What an agent is called from an instant on."""

    agent_id: str
    at: datetime
    name: str
    is_first: bool
    """The agent is new then."""


class FedAgent(NamedTuple):
    id: str
    name: str
    employee_id: str | None
    active: bool
    skills: tuple[tuple[str, int], ...] = ()
    """With their levels."""


class ReportingFeed(Protocol):
    """IWD as the mart reads it, over HTTP: the event log by cursor, gap-free, and configuration."""

    async def events(self, after: str | None, limit: int, *, personal: bool = False) -> FeedPage:
        """What follows a cursor; None begins at the oldest event kept."""

    async def rule_sets(self, after: int) -> list[RuleSetNames]:
        """Versions after one, oldest first."""

    async def agents(self) -> list[FedAgent]:
        """All agents with their present names."""

    async def agent_name(self, agent_id: str, at: datetime) -> str | None:
        """What an agent was called at an instant; None where the log does not tell."""

    async def report_attributes(self) -> list[str]:
        """Declared attributes that are to be dimensions of reports."""

    async def close(self) -> None:
        """Ends its connections."""


class InfoMartAgent(NamedTuple):
    employee_id: str
    key: int | None
    name: str
    first_name: str | None
    last_name: str | None


class AgentDirectory(Protocol):
    """Names of agents that another system keeps (Info Mart)."""

    async def agents(self) -> list[InfoMartAgent]:
        """The present rows that have an employee id."""


class MartState(Struct, kw_only=True):
    """How far the mart is, and whether it balances."""

    time_zone: str
    generation: int
    pos: int
    as_of: datetime | None
    fresh_at: datetime | None
    levels_to: datetime | None
    dirty_from: datetime | None
    rule_set_version: int
    balanced: bool | None
    balance_detail: str | None
    closed_to: date | None = None
    """Days before this one are closed."""
    kept_from: datetime | None = None
    """Quarters of an hour and stretches before it have gone by retention; None: none have."""
    names_generation: int = 0
    names_pos: int = 0
    """With the generation: the place in the log up to which names of agents are known."""


class Verdict(NamedTuple):
    """What a balance found."""

    balanced: bool
    findings: int
    detail: str | None


class Run(Struct, kw_only=True, rename="camel"):
    """A chain or a job of it, as audited."""

    run: int
    parent: int | None
    chain: str
    job: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    rows: int
    first_event: str | None
    last_event: str | None
    watermark: str | None
    error: str | None


class MartLoad(Protocol):
    """One run's hold on the mart. Each call is one transaction: killed at any point, a run can be repeated."""

    async def state(self) -> MartState:
        """How far it is."""

    async def set_tenant(self, tenant_id: str, time_zone: str) -> None:
        """Whose it is, and the zone of its days."""

    async def load(self, events: Sequence[FedEvent]) -> None:
        """Facts and sums of a batch, with the watermark, in one transaction."""

    async def withdraw(self, generation: int, pos: int) -> None:
        """Takes back what lies past a point: the log went on from there in another generation."""

    async def empty(self) -> None:
        """Forgets all that came from the log: it begins again, or is to be rebuilt."""

    async def aggregate(self, until: datetime | None) -> int:
        """Levels of the quarters of an hour that are touched or have passed; how many."""

    async def balance(self, *, whole: bool = True) -> Verdict:
        """Checks what has been aggregated since the last one, and all days, or (not `whole`) those not closed."""

    async def reached_end(self, at: datetime) -> None:
        """The log's end was reached at this instant."""

    async def save_names(self, rule_sets: Sequence[RuleSetNames]) -> int:
        """Names of categories and queues with their history."""

    async def save_agents(self, agents: Sequence[FedAgent], others: Sequence[InfoMartAgent]) -> int:
        """Names of agents; those of Info Mart win."""

    async def name_agents(self, names: Sequence[AgentName], generation: int, pos: int) -> None:
        """Names as of the changes of agents; with it they are known up to a place in the log."""

    async def name_others(self, agents: Sequence[FedAgent]) -> None:
        """Present names of agents of whose changes the log does not tell."""

    async def map_attributes(self, names: Sequence[str]) -> int:
        """Gives attributes their slots; how many are mapped."""

    async def publish_stats(self, *, dimensions: bool) -> None:
        """Rows, sizes, events per batch; members of dimensions where asked for: what is new since then."""

    async def close_days(self) -> int:
        """Closes the days of the reporting zone that are over; how many."""

    async def keep(self, event_days: int, item_days: int, now: datetime) -> int:
        """Removes what is past its retention, events and the audit first, on their own; how many rows."""

    async def begin(self, chain: str, job: str, parent: int | None = None) -> int:
        """Audits the beginning of a chain or job."""

    async def end(
        self,
        run: int,
        *,
        rows: int = 0,
        first: str | None = None,
        last: str | None = None,
        error: str | None = None,
    ) -> None:
        """Audits its end."""


class Mart(Protocol):
    """The mart's database."""

    def loading(self) -> AbstractAsyncContextManager[MartLoad]:
        """The one run at a time; MartBusyError while another one lasts."""

    async def rows(self, query: str, arguments: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Rows of a named report query."""

    async def state(self) -> MartState:
        """How far it is."""

    async def runs(self, limit: int) -> list[Run]:
        """The newest chains and jobs."""

    async def stats(self) -> list[tuple[str, str, int]]:
        """Kind (rows, size, general), name, value."""

    async def close(self) -> None:
        """Ends its connections."""
