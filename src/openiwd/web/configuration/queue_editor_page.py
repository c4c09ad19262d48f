"""Queues: the list, and the editor of all settings of one in a draft."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from openiwd.domain.queue import Delivery, QueueConfig, RoutingTarget
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_use import uses_of_queues
from openiwd.usecases.rule_set_draft import live_document
from openiwd.usecases.rule_set_object import QUEUES, find, listed
from openiwd.usecases.schema_trial import waiting_counts
from openiwd.web.configuration import object_page
from openiwd.web.configuration.drafting import drafting
from openiwd.web.configuration.navigation import show
from openiwd.web.configuration.object_form import identity
from openiwd.web.configuration.object_page import EditedKind
from openiwd.web.configuration.queue_editor_form import STEPS, queue_body, queue_values, span_text
from openiwd.web.queue.queue_filter import QueueFilter
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.visit import CurrentVisit, Visit

PATH: Final = "/configuration/queues"


def _fresh(_: RuleSetDocument) -> dict[str, Any]:
    return {}


KIND: Final = EditedKind(QUEUES, PATH, "queue_editor", queue_values, queue_body, _fresh, uses_of_queues)


class QueueLine(NamedTuple):
    """A queue in the list."""

    id: str
    name: str
    href: str
    delivery: str
    groups: str
    hours: str
    facts: str
    uses: str
    waiting: int | None
    waiting_href: str
    changed: bool


def queue_facts(config: QueueConfig, t: Catalogue) -> str:
    """How items are handed over, in a line."""
    told = [t("queues.offer_timeout", span=span_text(config.offer_timeout))]
    if config.auto_accept:
        told.append(t("queues.auto_accept"))
    if span_text(config.wrap_up) != "0s":
        told.append(t("queues.wrap_up", span=span_text(config.wrap_up)))
    if config.limit is not None:
        told.append(t("queues.limit", n=config.limit))
    if config.weight is not None:
        told.append(t("queues.weight", n=config.weight))
    return ", ".join(told)


def groups_line(config: QueueConfig, names: dict[str, str], t: Catalogue) -> str:
    """Which groups the queue serves, and from when on."""
    if not config.groups:
        return t("queues.everybody")
    return ", ".join(
        names.get(g.group, g.group)
        + ("" if span_text(g.delay) in ("0s", "0h", "0m") else f" (+{span_text(g.delay)})")
        for g in config.groups
    )


@get(PATH)
async def queue_list_page(visit: CurrentVisit) -> Response[Any]:
    """All queues of the draft, or of the live rule set, with what leads to them and what waits."""
    visit.caller.require("queues.view")
    at = await drafting(visit)
    _, live = await live_document(visit.services.runtime)
    before = {q.id: q for q in live.queues}
    uses = uses_of_queues(at.document)
    counts = waiting_counts(visit.services, visit.caller)
    names, _ = await _named(visit)
    calendars = {c.id: c.name for c in at.document.calendars}
    lines = [
        QueueLine(
            id=q.id,
            name=q.name,
            href=at.address(KIND.edit_path(q.id)),
            delivery=q.delivery.value,
            groups=groups_line(q, names, visit.t),
            hours=calendars.get(q.hours, q.hours) if q.hours else visit.t("queues.always"),
            facts=queue_facts(q, visit.t),
            uses=object_page.uses_text(visit, uses.get(q.id, [])),
            waiting=None if counts is None else counts[1].get(q.id, 0),
            waiting_href=QueueFilter(status=("queued",), queue=q.id).address(),
            changed=at.id is not None and before.get(q.id) != q,
        )
        for q in at.document.queues
    ]
    may_edit = object_page.editable(visit, at, KIND)
    return show(visit, "configuration/queue_configs.html", "queues", at, queues=lines, may_edit=may_edit)


async def _named(visit: Visit) -> tuple[dict[str, str], dict[str, str]]:
    """The names of groups and of skills, by id."""
    async with visit.services.runtime.store.reading() as reading:
        groups = {str(o["id"]): str(o["name"]) for o in await reading.objects("agent_group")}
        skills = {str(o["id"]): str(o["name"]) for o in await reading.objects("skill")}
        for agent in (await reading.agents()).values():
            groups.update({g: groups.get(g, g) for g in agent.groups})
            skills.update({s.skill: skills.get(s.skill, s.skill) for s in agent.skills})
    return groups, skills


@get(f"{PATH}/{{object_id:str}}")
async def queue_editor_page(visit: CurrentVisit, object_id: FromPath[str]) -> Response[Any]:
    """One queue with all its settings."""
    visit.caller.require("queues.view")
    at = await drafting(visit)
    config: QueueConfig = find(QUEUES, listed(at.document, QUEUES), object_id)
    _, live = await live_document(visit.services.runtime)
    before = next((q for q in live.queues if q.id == object_id), None)
    groups, skills = await _named(visit)
    groups.update({g.group: groups.get(g.group, g.group) for g in config.groups})
    uses = uses_of_queues(at.document).get(object_id, [])
    counts = waiting_counts(visit.services, visit.caller)
    attributes = [f"data.{a.name}" for a in at.document.attributes]
    return show(
        visit,
        "configuration/queue_config.html",
        "queues",
        at,
        config=config,
        values=queue_values(config),
        live_values=None if before is None or at.id is None else queue_values(before),
        base=identity(config),
        may_edit=object_page.editable(visit, at, KIND),
        uses=object_page.use_links(visit, at, uses),
        uses_text=object_page.uses_text(visit, uses),
        waiting=None if counts is None else counts[1].get(object_id, 0),
        waiting_href=QueueFilter(status=("queued",), queue=object_id).address(),
        groups=sorted(groups.items(), key=lambda g: g[1].casefold()),
        names=sorted({*groups, *skills}),
        deliveries=[d.value for d in Delivery],
        targets=[target.value for target in RoutingTarget],
        steps=STEPS,
        calendars=[(c.id, c.name) for c in at.document.calendars],
        attributes=["ext.customerSegment", "ext.productType", "businessValue", "channel", *attributes],
        urls={"save": at.address(KIND.edit_path(object_id))},
        back=at.address(PATH),
        key=f"{visit.caller.login}:queue:{object_id}",
        texts=object_page.editor_texts(visit),
    )


def _waiting(visit: Visit, object_id: str) -> int:
    counts = waiting_counts(visit.services, visit.caller)
    return 0 if counts is None else counts[1].get(object_id, 0)


PAGES: Final[list[Any]] = [
    queue_list_page,
    queue_editor_page,
    *object_page.common_pages(KIND, _waiting),
]
