"""No input makes a 5xx: every route of the description with values that nobody meant."""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import quote
from uuid import UUID

import msgspec

from openiwd.api.authorisation import ROUTES, Access
from tests.factories.api import World

NASTY: list[Any] = [
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**70,
    1.5,
    1e308,
    "",
    " ",
    "x" * 5_000,
    "\x00",
    "a\x00b",
    "\u202egnp.exe",
    "💥",
    "%",
    "'; --",
    "../../etc",
    "{{7*7}}",
    "\ud7ff",
    [],
    [[]],
    {},
    {"": ""},
    {"a": None},
    ["x"] * 50,
    "2026-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
    "2026-01-01",
    "-0",
    "NaN",
    "00000000-0000-0000-0000-000000000000",
    {"all": []},
    {"any": [{}]},
    {"not": {}},
    {"attribute": "priority", "operator": "gt", "value": []},
    {"attribute": "data.x", "operator": "matches", "value": "(" * 200},
    {"attribute": "subject", "operator": "between", "value": ["z", "a"]},
    {"op": "create"},
]
TEXTS = [
    "x",
    "0",
    "-1",
    "\x7f",
    "a/b",
    "ext_",
    "ext_x",
    "%",
    "ü",
    "🦄",
    "null",
    "9" * 400,
    "true",
    "..",
    "' OR 1=1",
    "1.1",
    "99.99",
]
SKIPPED = ("GET /iwd/v3/stream",)


def body_for(schema: Any, schemas: dict[str, Any], rng: random.Random, depth: int = 0) -> Any:
    """A value that mostly follows the schema and is nasty somewhere."""
    if rng.random() < 0.15 or depth > 5 or not isinstance(schema, dict):
        return rng.choice(NASTY)
    if "$ref" in schema:
        return body_for(schemas.get(schema["$ref"].rpartition("/")[2], {}), schemas, rng, depth)
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return body_for(rng.choice(schema[union]), schemas, rng, depth)
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = rng.choice(kind)
    match kind:
        case "object":
            known = schema.get("properties", {})
            required = set(schema.get("required", ()))
            return {
                name: body_for(part, schemas, rng, depth + 1)
                for name, part in known.items()
                if name in required or rng.random() < 0.4
            }
        case "array":
            return [
                body_for(schema.get("items", {}), schemas, rng, depth + 1) for _ in range(rng.randrange(4))
            ]
        case "integer" | "number":
            return rng.choice([0, 1, 5, -1, 2**31, 2**63, 10**30, 0.5])
        case "boolean":
            return rng.choice([True, False])
        case "string":
            return rng.choice(
                [
                    "x",
                    "hold",
                    "review",
                    "-priority",
                    "subject",
                    "q",
                    *[n for n in NASTY if isinstance(n, str)],
                ]
            )
        case _:
            return rng.choice(NASTY)


async def test_no_input_makes_a_server_error(api: World) -> None:
    await api.add_key(
        "agent",
        privileges=[f"workitems.{v}" for v in ("read", "search", "pull", "hold", "update")],
        agent_id="ann",
    )
    item = await api.item("x")
    document = (await api.get("/openapi.json", None)).json()
    schemas = document["components"]["schemas"]
    rng = random.Random(4024)
    failures: list[str] = []
    for route, need in ROUTES.items():
        if route in SKIPPED or need is Access.CLOSED:
            continue
        method, template = route.split(" ")
        operation = document["paths"].get(template, {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        for _ in range(25):
            path = template
            while "{" in path:
                before, _, rest = path.partition("{")
                _, _, after = rest.partition("}")
                path = (
                    before
                    + rng.choice([item["id"], "ext_x", str(UUID(int=7)), quote(rng.choice(TEXTS), safe="")])
                    + after
                )
            names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
            query = {n: rng.choice(TEXTS) for n in names if rng.random() < 0.4}
            arguments: dict[str, Any] = {"params": query}
            if method in ("POST", "PUT", "PATCH"):
                value = body_for(schema, schemas, rng)
                arguments["content"] = msgspec.json.encode(value)
                arguments["headers"] = {"content-type": "application/json"}
            key = "agent" if need is Access.AGENT else "t"
            answer = await api.call(method, path, key, **arguments)
            if answer.status_code >= 500 and answer.json().get("code") not in (
                "noDecider",
                "unavailable",
                "clockNotStarted",
            ):
                failures.append(
                    f"{method} {path} {query} {arguments.get('content', b'')[:400]!r}: {answer.text[:300]}"
                )
            elif answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", (route, answer.text)
    assert failures == []
