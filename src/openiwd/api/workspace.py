"""What an agent's workspace asks: own state, offers and items, the next item, signs of life."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath, JSONBody
from msgspec import Meta, Struct

from openiwd.api.call import CurrentCall
from openiwd.api.item import Changed, answer
from openiwd.api.passing_on import by_decider
from openiwd.domain.agent import Agent, AgentState
from openiwd.domain.rule_set import CompiledRuleSet
from openiwd.domain.work_item import Name, ShortText, WorkItem
from openiwd.usecases import agent, offer, workbin
from openiwd.usecases.item_detail import require_agent
from openiwd.usecases.item_view import ItemView, item_view, priority_of
from openiwd.usecases.workbin import Workbin


class MediaStateView(Struct, kw_only=True, rename="camel"):
    state: str
    reason: str | None
    since: datetime | None
    pending: str | None


class SkillLevel(Struct):
    skill: str
    level: int
    until: datetime | None = None


class AgentView(Struct, kw_only=True, rename="camel"):
    """The calling agent; `states` by media type, `*` for all without a state of their own."""

    id: str
    name: str
    active: bool
    groups: list[str]
    skills: list[SkillLevel]
    capacity_total: int
    capacity_media: dict[str, int]
    states: dict[str, MediaStateView]
    logged_in_at: datetime | None
    assigned: int
    offers: int
    reserved: int
    held: int


class MyItemsView(Struct, kw_only=True):
    """What lies on the agent's desk."""

    offers: list[ItemView]
    assigned: list[ItemView]
    reserved: list[ItemView]
    held: list[ItemView]


class OfferedItem(Struct, kw_only=True, rename="camel"):
    id: UUID
    """Of the offer."""
    expires_date_time: datetime | None
    item: ItemView


class MyOffers(Struct):
    offers: list[OfferedItem]


class StateInput(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    state: AgentState
    reason: ShortText | None = None
    media_type: Name | None = None
    """Only for this media type; none = all."""
    after_current: bool = False
    """Once the present items are done."""


class DeclineInput(Struct, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=512)] | None = None


class Heartbeat(Struct, rename="camel"):
    at: datetime
    next_within_seconds: int


class NextAnswer(Struct):
    """The item that the agent now has; null when nothing suits."""

    item: ItemView | None


async def _me(call: CurrentCall, me: Agent | None = None) -> AgentView:
    agent_id = require_agent(call.caller)
    me = me or await agent.get(call.services, agent_id)
    mine = await agent.my_items(call.services, agent_id)
    return AgentView(
        id=me.id,
        name=me.name,
        active=me.active,
        groups=list(me.groups),
        skills=[SkillLevel(s.skill, s.level, s.until) for s in me.skills],
        capacity_total=me.capacity.total,
        capacity_media=dict(me.capacity.media),
        states={
            m: MediaStateView(
                state=s.state.value,
                reason=s.reason,
                since=s.since,
                pending=s.pending.value if s.pending else None,
            )
            for m, s in me.states.items()
        },
        logged_in_at=me.logged_in_at,
        assigned=len(mine.assigned),
        offers=len(mine.offers),
        reserved=len(mine.reserved),
        held=len(mine.held),
    )


@get("/agents/me", tags=["workspace"], operation_id="getMe")
async def get_me(call: CurrentCall) -> AgentView:
    """The calling agent: profile, states, and how much lies on the desk."""
    return await _me(call)


@get("/agents/me/items", tags=["workspace"], operation_id="getMyItems")
async def get_my_items(call: CurrentCall) -> MyItemsView:
    """Offers, assigned items, and the personal workbin (reserved or held for the agent)."""
    mine = await agent.my_items(call.services, require_agent(call.caller))
    rules, now = await call.rules(), call.now

    def views(items: list[WorkItem]) -> list[ItemView]:
        return [item_view(i, rules, now) for i in items]

    return MyItemsView(
        offers=views(mine.offers),
        assigned=views(mine.assigned),
        reserved=views(mine.reserved),
        held=views(mine.held),
    )


@get("/agents/me/offers", tags=["workspace"], operation_id="getMyOffers")
async def get_my_offers(call: CurrentCall) -> MyOffers:
    """The open offers of the agent."""
    mine = await agent.my_items(call.services, require_agent(call.caller))
    rules, now = await call.rules(), call.now
    return MyOffers(
        [
            OfferedItem(id=i.offer_id, expires_date_time=i.offer_expires_at, item=item_view(i, rules, now))
            for i in mine.offers
            if i.offer_id is not None
        ]
    )


@post("/agents/me/state", tags=["workspace"], operation_id="setMyState", status_code=200)
async def set_my_state(call: CurrentCall, data: JSONBody[StateInput]) -> AgentView:
    """Ready, not ready (at once or after the present items), or logged out. Who is not ready loses open offers."""
    me = await agent.set_state(
        call.services,
        require_agent(call.caller),
        data.state,
        caller=call.caller,
        reason=data.reason,
        media_type=data.media_type,
        after_current=data.after_current,
    )
    return await _me(call, me)


@post(
    "/agents/me/next",
    tags=["workspace"],
    operation_id="pullNext",
    status_code=200,
    before_request=by_decider,
)
async def pull_next(call: CurrentCall) -> NextAnswer:
    """Assigns the best item for the agent, from the whole backlog of their pull queues."""
    agent_id = require_agent(call.caller)
    done = await call.services.require_decider().pull(agent_id, call.caller)
    return NextAnswer(None if done is None else await call.view(done))


class WorkbinItem(Struct, kw_only=True, rename="camel"):
    """What an agent may know of an item before taking it."""

    id: UUID
    capture_id: str
    subject: str | None
    category_path: str | None
    queue: str | None
    priority: int | float | None
    priority_at: datetime | None
    due_date_time: datetime | None
    created_date_time: datetime


class WorkbinItems(Struct, rename="camel"):
    """What lies in a workbin, best first; `count` is exact up to 10,000."""

    items: list[WorkbinItem]
    count: int


class Workbins(Struct):
    workbins: list[Workbin]


@get("/agents/me/workbins", tags=["workspace"], operation_id="listMyWorkbins")
async def list_workbins(call: CurrentCall) -> Workbins:
    """The group workbins that the agent may take from: queued items of pull queues, by the queues' groups."""
    me = await agent.get(call.services, require_agent(call.caller))
    return Workbins(await workbin.workbins(call.services, me, call.caller))


@get("/agents/me/workbins/{bin_id:str}", tags=["workspace"], operation_id="getMyWorkbin")
async def get_workbin(call: CurrentCall, bin_id: FromPath[str]) -> WorkbinItems:
    """The items of a workbin in short, best first, at most 200. Take one with `POST /items/{id}/pull`."""
    me = await agent.get(call.services, require_agent(call.caller))
    page = await workbin.waiting(call.services, me, call.caller, bin_id)
    rules, now = await call.rules(), call.now
    return WorkbinItems([_in_bin(i, rules, now) for i in page.items], page.count)


def _in_bin(item: WorkItem, rules: CompiledRuleSet, now: datetime) -> WorkbinItem:
    priority, at = priority_of(item, rules, now)
    return WorkbinItem(
        id=item.id,
        capture_id=item.capture_id,
        subject=item.subject,
        category_path=item.category_path,
        queue=item.queue_id,
        priority=priority,
        priority_at=at,
        due_date_time=item.due_at,
        created_date_time=item.created_at,
    )


@post("/agents/me/heartbeat", tags=["workspace"], operation_id="heartbeat", status_code=200)
async def heartbeat(call: CurrentCall) -> Heartbeat:
    """Says that the workspace is there; the event stream says so by itself."""
    agent.heartbeat(call.services, require_agent(call.caller))
    return Heartbeat(call.now, 30)


@post("/offers/{offer_id:uuid}/accept", tags=["workspace"], operation_id="acceptOffer", status_code=200)
async def accept_offer(call: CurrentCall, offer_id: FromPath[UUID]) -> Response[Changed]:
    """Takes the item; 409 `offerEnded` when the offer is over."""
    return await answer(call, await offer.accept(call.services, offer_id, call.caller))


@post("/offers/{offer_id:uuid}/decline", tags=["workspace"], operation_id="declineOffer", status_code=204)
async def decline_offer(
    call: CurrentCall, offer_id: FromPath[UUID], data: JSONBody[DeclineInput | None] = None
) -> None:
    """Gives the item back in its place; this agent is not offered it again for a while."""
    reason = data.reason if data is not None else None
    await offer.decline(call.services, offer_id, reason, call.caller)


HANDLERS: Final[list[Any]] = [
    get_me,
    get_my_items,
    get_my_offers,
    set_my_state,
    list_workbins,
    get_workbin,
    pull_next,
    heartbeat,
    accept_offer,
    decline_offer,
]
