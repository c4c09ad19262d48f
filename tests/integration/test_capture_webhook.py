"""What others post to a capture point: let in by its secret alone, mapped, refused records kept in the error inbox."""

from __future__ import annotations

import hmac
import time
from hashlib import sha256
from typing import Any

import httpx
import msgspec
import pytest

from openiwd.domain.webhook import signature
from tests.factories.api import World, problem

SECRET = "a secret that both sides know"
ENTITIES = {
    "entities": [
        {"number": "4711", "title": "Hail damage", "kind": "claim", "line": "motor"},
        {"number": "4712", "title": "Theft", "kind": "claim", "line": "motor"},
    ]
}


async def made(api: World, key: str = "t", **source: Any) -> None:
    fields = [{"to": "captureId", "from": "number", "required": True}, {"to": "subject", "from": "title"}]
    body = {
        "name": "Portal",
        "source": {"kind": "webhook", "secret": SECRET, "check": "bearer", **source},
        "mapping": {"fields": fields, "unmapped": "data"},
    }
    answer = await api.call("PUT", "/capture-points/portal", key, json=body)
    assert answer.status_code in (200, 201), answer.text


async def send(
    api: World, body: Any, headers: dict[str, str] | None = None, query: str = ""
) -> httpx.Response:
    content = body if isinstance(body, bytes) else msgspec.json.encode(body)
    sent = {"authorization": f"Bearer {SECRET}"} if headers is None else headers
    return await api.call("POST", f"/capture/portal{query}", None, content=content, headers=sent)


async def test_any_json_becomes_items(api: World) -> None:
    await made(api, records="entities")
    answer = await send(api, ENTITIES)
    assert answer.status_code == 200, answer.text
    assert [a["outcome"] for a in answer.json()["answers"]] == ["created", "created"]
    again = await send(api, ENTITIES)
    assert [a["outcome"] for a in again.json()["answers"]] == ["existing", "existing"]
    item = (await api.get("/items?captureId=4711&capturePoint=portal")).json()
    assert "Hail damage" in str(item)


async def test_what_is_refused_is_answered_and_kept(api: World) -> None:
    await made(api)
    answers = (await send(api, [{"title": "no number"}, ENTITIES["entities"][0], 7])).json()["answers"]
    assert [a["outcome"] for a in answers] == ["error", "created", "error"]
    errors = (await api.get("/capture-points/portal/errors")).json()["errors"]
    assert len(errors) == 2
    for body in (b"\xff", b"{", b"[" * 100_000):
        problem(await send(api, body), 400)


@pytest.mark.parametrize("check", ["signature", "bearer", "headerSignature"])
async def test_only_who_has_the_secret_is_let_in(api: World, check: str) -> None:
    await made(api, check=check, header="X-Hub-Signature-256")
    body = msgspec.json.encode(ENTITIES["entities"][0])
    now = int(time.time())
    mark = hmac.new(SECRET.encode(), body, sha256).hexdigest()
    right = {
        "signature": {"openiwd-signature": signature([SECRET], now, body)},
        "bearer": {"authorization": f"Bearer {SECRET}"},
        "headerSignature": {"x-hub-signature-256": f"sha256={mark}"},
    }
    wrong: list[dict[str, str]] = [
        {},
        {"authorization": "Bearer other"},
        {"authorization": "Bearer "},
        {"openiwd-signature": signature(["other"], now, body)},
        {"openiwd-signature": signature([SECRET], now - 1_000, body)},
        {"x-hub-signature-256": f"sha256={mark[:-1]}0" if mark[-1] != "0" else f"sha256={mark[:-1]}1"},
        *(headers for name, headers in right.items() if name != check),
    ]
    for headers in wrong:
        problem(await send(api, body, headers), 403, "notLetIn")
    assert (await send(api, body, right[check])).json()["answers"][0]["outcome"] == "created"
    problem(await send(api, body + b" ", right[check]), 403, "notLetIn") if check != "bearer" else None


async def test_others_learn_nothing_of_what_there_is(api: World) -> None:
    await made(api)
    await api.call("PUT", "/capture-points/plain", json={"name": "Plain", "source": {"kind": "rest"}})
    headers = {"authorization": f"Bearer {SECRET}"}
    for path in ("/capture/plain", "/capture/nothing", "/capture/portal?tenant=other"):
        problem(await api.call("POST", path, None, content=b"{}", headers=headers), 403, "notLetIn")
    await api.add_tenant("u")
    problem(await send(api, ENTITIES["entities"][0]), 400)
    assert (await send(api, ENTITIES["entities"][0], query="?tenant=t")).status_code == 200
    problem(await send(api, ENTITIES["entities"][0], query="?tenant=u"), 403, "notLetIn")


async def test_a_secret_is_sealed_and_never_read_back(api: World) -> None:
    await made(api)
    shown = (await api.get("/capture-points/portal")).json()
    assert shown["source"]["secret"] == "********"
    services = await api.services()
    async with services.runtime.store.reading() as reading:
        (stored,) = await reading.objects("capture_point")
    assert SECRET not in str(stored)
    assert SECRET not in (await api.get("/audit")).text
    kept = {k: v for k, v in shown.items() if k != "revision"}
    assert (
        await api.call("PUT", "/capture-points/portal", json={**kept, "name": "Other"})
    ).status_code == 200
    assert (await send(api, ENTITIES["entities"][0])).status_code == 200
