"""Workbins: the queued items from which agents take by themselves, by the groups that the queues are for.

What lies in a bin is open to all of its agents, but for members of an access group, who see what these reach; only
taking it asks whether nothing stands against it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct
from msgspec.structs import replace

from openiwd.domain.agent import Agent
from openiwd.domain.errors import NotFoundError
from openiwd.domain.privilege import Caller, Scope
from openiwd.domain.queue import Queue
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import Status, WorkItem
from openiwd.ports.tenant_store import SearchPage, SearchQuery
from openiwd.usecases import item_detail

if TYPE_CHECKING:
    from openiwd.usecases.platform import TenantServices

EVERYBODY: Final = "everybody"
"""The bin of the queues that name no group."""
MOST: Final = 200
HISTORY: Final = 6


class Workbin(Struct, kw_only=True, rename="camel"):
    """A bin and how much lies in it; the count is exact up to 10,000."""

    id: str
    name: str
    count: int


def bins_of(agent: Agent, rules: CompiledRuleSet) -> dict[str, list[str]]:
    """The queues of each bin that the agent may take from, by the bin's id: a group's, or `everybody`."""
    found: dict[str, list[str]] = {}
    for queue in rules.queues.values():
        if not queue.pulls:
            continue
        for group in _groups_of(queue):
            if group == EVERYBODY or group in agent.groups:
                found.setdefault(group, []).append(queue.id)
    return found


def _groups_of(queue: Queue) -> list[str]:
    return [g.group for g in queue.groups] or [EVERYBODY]


def may_ask_for(caller: Caller, agent: Agent, rules: CompiledRuleSet, item: WorkItem) -> bool:
    """Whether the item is there for an agent who wants it: one within reach, else one of a queue that serves them."""
    if caller.sees("workitems.pull", item):
        return True
    queue = rules.queues.get(item.queue_id or "")
    if queue is None or caller.require("workitems.pull") is not Scope.OWN:
        return False
    return any(group == EVERYBODY or group in agent.groups for group in _groups_of(queue))


async def sought(
    services: TenantServices, caller: Caller, agent_id: str, reference: str, capture_point: str | None = None
) -> WorkItem:
    """The item that an agent wants by name; what is not there for them is as if there were none."""
    caller.require("workitems.pull")
    rules = await services.runtime.rules()
    async with services.runtime.store.reading() as reading:
        agent = (await reading.agents([agent_id])).get(agent_id)
    if agent is None:
        raise NotFoundError(f"there is no agent '{agent_id}'", field="agent")
    return await item_detail.find(
        services, reference, capture_point, lambda item: may_ask_for(caller, agent, rules, item)
    )


async def workbins(services: TenantServices, agent: Agent, caller: Caller) -> list[Workbin]:
    """The agent's group bins, by name. The personal bin is part of the agent's own items."""
    scope = _reach(caller, "workitems.pull")
    bins = bins_of(agent, await services.runtime.rules())
    if not bins:
        return []
    found = []
    async with services.runtime.store.reading() as reading:
        names = {o["id"]: o["name"] for o in await reading.objects("agent_group")}
        for group, queues in bins.items():
            query = _query(services, group, queues, limit=1, count=True)
            page = await reading.search(replace(query, scope=scope))
            found.append(Workbin(id=group, name=names.get(group, group), count=page.count))
    return sorted(found, key=lambda b: (b.id == EVERYBODY, b.name, b.id))


def _reach(caller: Caller, privilege: str) -> dict[str, Any] | None:
    """What access groups leave of a bin or of a contact's items; one's own items are no bound here."""
    return caller.restriction(privilege) if caller.require(privilege) is Scope.GROUP else None


def _query(
    services: TenantServices, group: str, queues: list[str], *, limit: int, count: bool
) -> SearchQuery:
    mine: list[dict[str, Any]] = [{"attribute": "ext.requestedAgentGroup", "operator": "isNotSet"}]
    if group != EVERYBODY:
        mine.append({"attribute": "ext.requestedAgentGroup", "operator": "eq", "value": group})
    conditions = [
        {"attribute": "status", "operator": "eq", "value": Status.QUEUED.value},
        {"attribute": "queue", "operator": "in", "value": queues},
        {"attribute": "reservedFor", "operator": "isNotSet"},
        {"attribute": "offeredTo", "operator": "isNotSet"},
        {"any": mine},
    ]
    return SearchQuery(
        filter={"all": conditions},
        sort=["receivedDateTime"],
        limit=limit,
        with_count=count,
        now=services.runtime.now(),
    )


async def waiting(
    services: TenantServices, agent: Agent, caller: Caller, bin_id: str, limit: int = MOST
) -> SearchPage:
    """What lies in a bin, best first. NotFoundError for a bin that the agent may not take from."""
    scope = _reach(caller, "workitems.pull")
    rules = await services.runtime.rules()
    queues = bins_of(agent, rules).get(bin_id)
    if queues is None:
        raise NotFoundError(
            f"there is no workbin '{bin_id[:80]}' for you", field="bin", hint="see the list of workbins"
        )
    query = replace(
        _query(services, bin_id, queues, limit=limit, count=True),
        sort=["-priority"],
        scope=scope,
        schemas=dict(rules.schemas),
    )
    async with services.runtime.store.reading() as reading:
        return await reading.search(query)


async def of_contact(services: TenantServices, caller: Caller, item: WorkItem) -> list[WorkItem]:
    """The last other items of the same contact, newest first: what an agent should know who has one of them."""
    if item.contact_id is None:
        return []
    conditions = [
        {"attribute": "contactId", "operator": "eq", "value": str(item.contact_id)},
        {"attribute": "id", "operator": "ne", "value": str(item.id)},
    ]
    query = SearchQuery(
        filter={"all": conditions},
        sort=["-receivedDateTime"],
        limit=HISTORY,
        now=services.runtime.now(),
        scope=_reach(caller, "workitems.read"),
    )
    async with services.runtime.store.reading() as reading:
        return list((await reading.search(query)).items)
