"""The side navigation of the configuration, and the frame that all its pages are shown in."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from litestar import Response

from openiwd.web.configuration.drafting import Drafting
from openiwd.web.configuration.rule_text import plain_text
from openiwd.web.shell.visit import Visit


class Entry(NamedTuple):
    """A page of the configuration. One of the rule set is shown in the visitor's draft."""

    id: str
    path: str
    icon: str
    privilege: str
    drafted: bool = False


class Group(NamedTuple):
    name: str
    entries: tuple[Entry, ...]


class Link(NamedTuple):
    text: str
    href: str
    icon: str
    current: bool


class LinkGroup(NamedTuple):
    name: str
    links: list[Link]


GROUPS: Final = (
    Group(
        "rule_set",
        (
            Entry("categories", "/configuration/categories", "tree", "categories.view", True),
            Entry("schemas", "/configuration/schemas", "curve", "prioritization.view", True),
            Entry("queues", "/configuration/queues", "inbox", "queues.view", True),
            Entry("calendars", "/configuration/calendars", "cal", "calendars.view", True),
            Entry("rules", "/configuration/rules", "split", "categories.view", True),
            Entry("decision_tables", "/configuration/decision-tables", "columns", "categories.view", True),
            Entry("attributes", "/configuration/attributes", "list", "attributes.view", True),
            Entry("tests", "/configuration/tests", "test", "categories.view", True),
            Entry("drafts", "/configuration/drafts", "layers", "categories.view", True),
        ),
    ),
    Group(
        "people",
        (
            Entry("agents", "/configuration/agents", "user", "agents.view"),
            Entry("skills", "/configuration/skills", "star", "agents.view"),
            Entry("groups", "/configuration/groups", "users", "agents.view"),
            Entry("absences", "/configuration/absences", "moon", "agents.view"),
        ),
    ),
    Group(
        "access",
        (
            Entry("users", "/configuration/users", "lock", "users.view"),
            Entry("roles", "/configuration/roles", "columns", "users.view"),
            Entry("access_groups", "/configuration/access-groups", "shield", "users.view"),
            Entry("api_keys", "/configuration/api-keys", "key", "apiKeys.view"),
            Entry("login", "/configuration/login", "shield", "users.view"),
        ),
    ),
    Group(
        "lists",
        (
            Entry("capture_points", "/configuration/capture-points", "plug", "capturePoints.view"),
            Entry("lookup_tables", "/configuration/lookup-tables", "bank", "lookupTables.view"),
            Entry("hold_reasons", "/configuration/hold-reasons", "pause", "queues.view"),
        ),
    ),
    Group(
        "email",
        (
            Entry("mailboxes", "/configuration/mailboxes", "mail", "mailboxes.view"),
            Entry("standard_responses", "/configuration/standard-responses", "chat", "mailboxes.view"),
            Entry("filters", "/configuration/filters", "filter", "filters.view"),
            Entry("quarantine", "/configuration/quarantine", "shield", "emails.review"),
        ),
    ),
    Group(
        "connections",
        (
            Entry("webhooks", "/configuration/webhooks", "send", "webhooks.view"),
            Entry("integrations", "/configuration/integrations", "plug", "webhooks.view"),
        ),
    ),
)


def navigation(visit: Visit, section: str, drafting: Drafting | None) -> list[LinkGroup]:
    """What the visitor may open; a page that this process does not have is not offered."""
    there = {route.path for route in visit.request.app.routes}
    found = []
    for group in GROUPS:
        links = [
            Link(
                visit.t(f"conf_nav.{e.id}"),
                drafting.address(e.path) if e.drafted and drafting is not None else e.path,
                e.icon,
                e.id == section,
            )
            for e in group.entries
            if visit.caller.may(e.privilege) and e.path in there
        ]
        if links:
            found.append(LinkGroup(visit.t(f"conf_nav.{group.name}"), links))
    return found


def show(
    visit: Visit, template: str, section: str, drafting: Drafting | None = None, **values: Any
) -> Response[str]:
    """A page of the configuration: its template extends `configuration/shell.html`, block `content`.

    `drafting` brings the draft bar; pages of what is live at once leave it out.
    """
    return visit.page(
        template,
        active="configuration",
        section=section,
        navigation=navigation(visit, section, drafting),
        drafting=drafting,
        here=visit.request.url.path,
        told=lambda name, value: plain_text(name, value, visit.t),
        **values,
    )
