"""What is classified: items of about 1 KB, some values missing, and rules of three conditions over a category tree."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import msgspec

RULES_PER_PROCESS: Final = 10
"""More rules come from more processes: how many rules act on one item stays about the same."""
CONTENTS: Final = 240

REGIONS: Final = ("north", "south", "east", "west")
SEGMENTS: Final = ("private", "business", "vip")
LANGUAGES: Final = ("de", "en", "fr", "tr", "pl")
CHANNELS: Final = ("portal", "email", "letter", "partner")
SUBJECTS: Final = (
    "Claim about water in the basement",
    "Complaint about a late answer",
    "Question about the premium",
)
TAGS: Final = ("storm", "urgent", "followup", "scan")


def rule_set(rules: int, categories: int) -> dict[str, Any]:
    """The document, as `parse_document` reads it; criteria are `{"all": [...]}` of plain conditions."""
    return {
        "name": "Benchmark",
        "timeZone": "UTC",
        "schemas": [{"id": "s", "name": "S", "points": [{"age": "0h", "priority": 100}], "sla": "8h"}],
        "queues": [{"id": "q", "name": "Q"}],
        "rules": [_rule(n) for n in range(rules)],
        "defaultCategory": "rest",
        "categories": [*(_category(n) for n in range(max(1, (categories - 1) // 4))), _rest()],
    }


def _on(attribute: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator} | ({} if value is None else {"value": value})


def _rule(n: int) -> dict[str, Any]:
    """One condition on the process, one on a text with few values, one on an amount or on words; order varies."""
    process = n // RULES_PER_PROCESS
    about = (
        _on("ext.sourceProcessType", "in", [_process(process), _process(process + 1)])
        if n % 5 == 4
        else _on("ext.sourceProcessType", "eq", _process(process))
    )
    kind = (
        _on("data.region", "eq", REGIONS[n % 4]),
        _on("ext.customerSegment", "in", [SEGMENTS[n % 3], SEGMENTS[(n + 1) % 3]]),
        _on("channel", "ne", CHANNELS[n % 4]),
        _on("data.language", "notIn", [LANGUAGES[n % 5], LANGUAGES[(n + 2) % 5]]),
        _on("data.policy", "isSet" if n % 2 else "isNotSet"),
    )[n % 5]
    size = (
        _on("data.amount", "gt", n * 150 % 8_000),
        _on("data.amount", "between", [n * 70 % 4_000, n * 70 % 4_000 + 3_000]),
        _on("subject", "startsWith", SUBJECTS[n % 3][:5]),
        _on("data.amount", "le", n * 210 % 8_000),
        _on("tags", "contains", TAGS[n % 4]),
        _on("subject", "contains", SUBJECTS[n % 3][-8:]),
        _on("data.age", "ge", n % 60),
    )[n % 7]
    conditions = (about, kind, size)
    actions: list[dict[str, Any]] = [
        {"raiseBusinessValue": n % 7 + 1},
        {"addSkill": {"skill": f"skill{n % 10}", "level": n % 9 + 1}},
        {"adjustPriority": n % 5},
    ]
    turn = n % 3
    return {
        "id": f"r{n}",
        "when": {"all": [*conditions[turn:], *conditions[:turn]]},
        "then": [actions[n // 3 % 3]],
    }


def _category(n: int) -> dict[str, Any]:
    """A product with three kinds of it: four categories."""
    vip = {"all": [_on("ext.customerSegment", "eq", "vip")]}
    large = {"all": [_on("data.amount", "gt", 4_000)]}
    return {
        "id": f"c{n}", "name": f"Product {n}", "when": {"all": [_on("data.product", "eq", _product(n))]},
        "schema": "s", "queue": "q",
        "children": [
            {"id": f"c{n}v", "name": "Vip", "when": vip},
            {"id": f"c{n}l", "name": "Large", "when": large},
            {"id": f"c{n}o", "name": "Other"},
        ],
    }  # fmt: skip


def _rest() -> dict[str, Any]:
    never = {"all": [_on("data.product", "eq", "(none)")]}
    return {"id": "rest", "name": "Rest", "when": never, "schema": "s", "queue": "q"}


def _process(n: int) -> str:
    return f"process-{n}"


def _product(n: int) -> str:
    return f"product-{n}"


def contents(rules: int, categories: int) -> list[bytes]:
    """Different items as their source sends them. Each value that rules read is missing in every tenth."""
    chance = Random(20_260_302)
    processes = max(2, rules // RULES_PER_PROCESS)
    products = max(1, (categories - 1) // 4)
    return [msgspec.json.encode(_item(n, chance, processes, products)) for n in range(CONTENTS)]


def _some(chance: Random, **values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if chance.random() >= 0.1}


def _item(n: int, chance: Random, processes: int, products: int) -> dict[str, Any]:
    process = _process(chance.randrange(processes))
    return {
        "captureId": f"bench-{n:010}",
        "capturePoint": "bench",
        **_some(chance, channel=chance.choice(CHANNELS), subject=chance.choice(SUBJECTS)),
        "businessValue": n % 20,
        "description": "The policy holder reports damage after last night's storm and asks for a call back. "
        * 5,
        "ext": {
            "customerId": f"C{n * 7919 % 100_000:06}",
            **_some(chance, sourceProcessType=process, customerSegment=chance.choice(SEGMENTS)),
        },
        "data": {
            **_some(
                chance,
                product=_product(chance.randrange(products)),
                region=chance.choice(REGIONS),
                language=chance.choice(LANGUAGES),
                amount=chance.randrange(8_000),
                age=chance.randrange(18, 90),
                policy=f"P-{n * 104_729 % 1_000_000:07}",
            ),
            "street": "Am Alten Hafen 12",
            "city": "Hamburg",
            "zip": "20457",
            "reported": "2026-03-02",
            "photos": [f"photo-{n}-{k}.jpg" for k in range(3)],
            "witness": {"name": "K. Petersen", "phone": "+49 40 123456"},
        },
        "tags": chance.sample(TAGS, 2),
    }
