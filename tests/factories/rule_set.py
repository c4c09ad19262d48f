"""Small rule sets and facts for tests of judging."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Any

from openiwd.domain.calendar import FrozenCalendar, freeze
from openiwd.domain.instant import to_micros
from openiwd.domain.judgement import Facts, Judgement, judge
from openiwd.domain.rule_set import CompiledRuleSet, parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set

NOW = to_micros(datetime(2026, 3, 4, 10, 0, tzinfo=UTC))
"""A Wednesday."""
OFFICE = {
    "id": "office",
    "name": "Office",
    "timeZone": "UTC",
    "weekly": {day: ["08:00-16:00"] for day in ("monday", "tuesday", "wednesday", "thursday", "friday")},
}


def document(**parts: Any) -> dict[str, Any]:
    """A rule set with one schema, one queue and one category that takes everything; `parts` replace."""
    return {
        "name": "Test",
        "calendars": [OFFICE],
        "schemas": [{"id": "s", "name": "S", "points": [{"age": "0h", "priority": 1}], "sla": "8h"}],
        "queues": [{"id": "q", "name": "Q"}],
        "categories": [{"id": "all", "name": "All", "schema": "s", "queue": "q"}],
        **parts,
    }


def compiled(raw: dict[str, Any], zone: tzinfo = UTC) -> CompiledRuleSet:
    parsed = parse_document(raw)
    frozen: dict[str, FrozenCalendar] = {c.id: freeze(c, {}, [(0, 0)], 2020, 2032) for c in parsed.calendars}
    return compile_rule_set(parsed, 1, frozen, zone)


def facts(**values: Any) -> Facts:
    return Facts(**{"capture_point": "rest", "capture_id": "c-1", "created_at": NOW, **values})


def judged(raw: dict[str, Any], lookups: dict[str, Any] | None = None, **values: Any) -> Judgement:
    """What a rule set makes of an item at NOW."""
    return judge(compiled(raw), facts(**values), NOW, lookups or {})
