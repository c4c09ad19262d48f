"""What the builders of criteria and actions offer: attributes, comparisons by type, and the names of what exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from openiwd.domain.attribute import Family, Vocabulary
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.usecases import lookup_table
from openiwd.web.configuration.drafting import editor_of
from openiwd.web.item.directory import agents_of
from openiwd.web.item.item_page import hold_reasons_of
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.rendering import static_path
from openiwd.web.shell.visit import Visit

_EQUAL: Final = ("eq", "ne", "in", "notIn")
_SET: Final = ("isSet", "isNotSet")
_ORDER: Final = ("lt", "le", "gt", "ge", "between")
_TIME: Final = ("before", "after", "olderThan", "withinBusinessTime")
_TEXT: Final = ("contains", "startsWith", "endsWith", "matches")
COMPARISONS: Final[Mapping[Family, tuple[str, ...]]] = {
    Family.TEXT: (*_EQUAL, *_TEXT, *_SET),
    Family.INTEGER: (*_EQUAL, *_ORDER, *_SET),
    Family.NUMBER: (*_EQUAL, *_ORDER, *_SET),
    Family.DECIMAL: (*_EQUAL, *_ORDER, *_SET),
    Family.BOOLEAN: ("eq", "ne", *_SET),
    Family.INSTANT: (*_TIME, "between", *_SET),
    Family.LIST: ("contains", *_SET),
    Family.ANY: (*_EQUAL, *_TEXT, *_ORDER, *_TIME, *_SET),
}
"""The comparisons that make sense of an attribute, by what it is compared as."""
WORDS: Final = "builder."


def attribute_choices(document: RuleSetDocument, t: Catalogue) -> list[dict[str, Any]]:
    """The attributes that a condition may ask for, declared ones first."""
    labels = {f"data.{a.name}": a.label for a in document.attributes if a.label}
    known = Vocabulary(document.attributes).known.values()
    found = [
        {
            "name": a.name,
            "label": labels.get(a.name) or t.named("attribute_label", a.name.replace(".", "_")),
            "family": a.family.name.lower(),
            "allowed": list(a.allowed),
        }
        for a in known
    ]
    return sorted(found, key=lambda a: not str(a["name"]).startswith("data."))


class Known(NamedTuple):
    """The names of what exists beside the rule set."""

    skills: list[str]
    groups: list[str]
    agents: list[list[str]]
    tables: list[list[Any]]
    """Lookup tables with their columns."""
    reasons: list[list[str]]


def vocabulary_of(document: RuleSetDocument, known: Known, t: Catalogue) -> dict[str, Any]:
    """Everything that the builders need, as plain values for the page."""
    names = dict.fromkeys(name for offered in COMPARISONS.values() for name in offered)
    return {
        "icons": static_path("icons.svg"),
        "attributes": attribute_choices(document, t),
        "comparisons": {f.name.lower(): list(names) for f, names in COMPARISONS.items()},
        "comparisonText": {name: t.named("comparison", name) for name in names},
        "calendars": [["wall", t("curve.wall")], *([c.id, c.name] for c in document.calendars)],
        **known._asdict(),
        "text": {k.removeprefix(WORDS): t(k) for k in sorted(t.keys) if k.startswith(WORDS)},
    }


async def vocabulary(visit: Visit, document: RuleSetDocument) -> dict[str, Any]:
    """The vocabulary of the tenant as it is now."""
    async with visit.services.runtime.store.reading() as reading:
        skills = [o["id"] for o in await reading.objects("skill")]
        groups = [o["id"] for o in await reading.objects("agent_group")]
    agents = await agents_of(visit)
    tables = await lookup_table.tables(editor_of(visit)) if visit.caller.may("lookupTables.view") else []
    known = Known(
        skills=sorted({*skills, *(s.skill for a in agents for s in a.skills)}),
        groups=sorted({*groups, *(g for a in agents for g in a.groups)}),
        agents=[[a.id, a.name] for a in agents],
        tables=[[table.id, table.columns] for table in tables],
        reasons=[[r.id, r.name] for r in (await hold_reasons_of(visit)).values() if r.active],
    )
    return vocabulary_of(document, known, visit.t)
