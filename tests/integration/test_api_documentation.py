"""The API's own description: every route in it, valid references, a page without foreign hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from openiwd.api.authorisation import ROUTES, Access
from tests.factories.api import World, problem


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


async def test_the_description_is_complete(api: World) -> None:
    answer = await api.get("/openapi.json", None)
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    described = {
        f"{method.upper()} {path}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if isinstance(operation, dict)
    }
    left_out = {
        r for r, need in ROUTES.items() if need is Access.CLOSED or "/docs" in r or r.endswith("openapi.json")
    }
    assert described.keys() == ROUTES.keys() - left_out
    schemas = document["components"]["schemas"]
    assert {ref.rpartition("/")[2] for ref in references(document)} <= schemas.keys()
    for route, operation in described.items():
        assert operation.get("description") or operation.get("summary"), route
        assert "application/problem+json" in operation["responses"]["default"]["content"], route
        assert "content" not in operation["responses"].get("204", {}), route
        need = ROUTES[route]
        assert operation.get("x-privilege") == (need if isinstance(need, str) else None), route
    ids = [o["operationId"] for o in described.values()]
    assert len(ids) == len(set(ids))
    item = schemas["ItemSubmission"]
    assert item["required"] == ["captureId"]
    assert item["properties"]["captureId"]["maxLength"] == 256
    body = document["paths"]["/iwd/v3/items/search"]["post"]["requestBody"]["content"]["application/json"][
        "schema"
    ]
    assert body["$ref"].endswith("SearchInput")
    assert document["components"]["securitySchemes"]["apiKey"]["name"] == "x-api-key"


async def test_the_page_needs_nothing_from_elsewhere(api: World) -> None:
    page = await api.get("/docs", None)
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "http" not in page.text
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", page.text)
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        file = await api.get(path, None)
        assert file.status_code == 200, path
        assert file.content, path
    problem(await api.get("/docs/../app.py", None), 404)
    problem(await api.get("/docs/nothing.js", None), 404)
    problem(await api.get("/openapi/openapi.json", None), 404)


async def test_what_may_create_is_described_with_both_answers(api: World) -> None:
    document = (await api.get("/openapi.json", None)).json()
    described = document["paths"]["/iwd/v3/access-groups/{group_id}"]["put"]["responses"]
    for expected in (201, 200):
        body = {"name": "G", "categories": [], "queues": []}
        answer = await api.call("PUT", "/access-groups/g", json=body)
        assert answer.status_code == expected, answer.text
        assert str(expected) in described
    assert {"200", "201"} <= document["paths"]["/iwd/v3/rulesets"]["post"]["responses"].keys()
    assert "201" not in document["paths"]["/iwd/v3/users/{user_id}"]["put"]["responses"]


async def test_files_are_answered_as_they_are_described(api: World) -> None:
    await api.item("c1")
    document = (await api.get("/openapi.json", None)).json()
    described = document["paths"]["/iwd/v3/items/export"]["get"]["responses"]["200"]["content"].keys()
    answered = set()
    for form in ("csv", "ndjson", "xlsx"):
        told = (await api.get(f"/items/export?format={form}")).headers["content-type"]
        assert told.count("charset") == (form == "csv"), told
        answered.add(told.partition(";")[0])
    assert answered == described
    priority = document["components"]["schemas"]["ItemView"]["properties"]["priority"]
    assert "oneOf" not in priority, "a whole number is a number, too"
    assert {"type": "integer"} in priority["anyOf"]
