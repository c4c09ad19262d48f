"""Junk filters as shown: what each does, for which mailboxes, and what its condition can ask for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from openiwd.domain.attribute import Family
from openiwd.domain.email.junk import ATTRIBUTES, FilterAction, JunkFilter
from openiwd.domain.email.message import EmailKind
from openiwd.web.configuration.rule_text import criteria_text
from openiwd.web.configuration.vocabulary_view import COMPARISONS, WORDS
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.rendering import static_path

PATH: Final = "/configuration/filters"
FAMILIES: Final = (Family.TEXT, Family.LIST, Family.INTEGER, Family.ANY)
"""Of what emails say; no attribute of theirs is an instant."""
INBOUND: Final = [kind.value for kind in EmailKind if kind.value.startswith("Inbound")]


def href_of(filter_id: str) -> str:
    return f"{PATH}/{quote(filter_id, safe='')}"


class FilterLine(NamedTuple):
    id: str
    name: str
    href: str
    order: int
    enabled: bool
    when: str
    does: str
    mailboxes: str


def line_of(value: JunkFilter, mailboxes: Mapping[str, str], t: Catalogue) -> FilterLine:
    return FilterLine(
        value.id,
        value.name,
        href_of(value.id),
        value.order,
        value.enabled,
        criteria_text(value.when, t),
        does_text(value, t),
        ", ".join(mailboxes.get(m, m) for m in value.mailboxes) or t("mail_filter.all_mailboxes"),
    )


def does_text(value: JunkFilter, t: Catalogue) -> str:
    """`into Claims › Motor`, `priority −50`."""
    match value.action:
        case FilterAction.CATEGORY:
            return t("mail_filter.does_category", category=(value.value or "").replace("/", " › "))
        case FilterAction.PRIORITY:
            return t("mail_filter.does_priority", by=value.value or "")
        case FilterAction.DROP | FilterAction.HOLD:
            return t(f"mail_filter.does_{value.action.value}")


def vocabulary_of(t: Catalogue) -> dict[str, Any]:
    """What the builder of criteria offers: what an email says, compared by what it is."""
    offered = {family: COMPARISONS[family] for family in FAMILIES}
    names = dict.fromkeys(name for each in offered.values() for name in each)
    return {
        "icons": static_path("icons.svg"),
        "example": "subject",
        "attributes": [
            {
                "name": name,
                "label": t.named("mail_filter_attribute", name),
                "family": family.name.lower(),
                "allowed": INBOUND if name == "kind" else [],
            }
            for name, family in ATTRIBUTES.items()
        ],
        "comparisons": {family.name.lower(): list(each) for family, each in offered.items()},
        "comparisonText": {name: t.named("comparison", name) for name in names},
        "calendars": [],
        "text": {k.removeprefix(WORDS): t(k) for k in sorted(t.keys) if k.startswith(WORDS)},
    }
