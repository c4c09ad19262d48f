"""The worked examples of the pages about each kind of capture point: typed as they stand, they do what is said."""

from __future__ import annotations

import re
import shlex
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
import yaml

from openiwd.adapters.files.adapter import FileAdapter
from openiwd.processes.capture_trial import trial_point, try_file
from openiwd.usecases import capture_notifier
from tests.factories.api import PREFIX, World
from tests.factories.capture import FileWay, inbox, items_at, reading, step_until
from tests.factories.outside import Outside, answers_of, postgres_source, queue, topic
from tests.servers.postgres import PostgresServer
from tests.servers.shared import ROOT

BLOCK = re.compile(r"^```(sh|json|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANYTHING = "…"


def steps(page: str) -> Iterator[tuple[str, str, Any]]:
    """Each thing that is run, with the JSON that stands right after it."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    ran: tuple[str, str] | None = None
    for language, block in BLOCK.findall(text):
        if language == "json":
            if ran is not None:
                yield *ran, msgspec.json.decode(block)
            ran = None
            continue
        if ran is not None:
            yield *ran, None
        ran = (language, block)
    if ran is not None:
        yield *ran, None


async def run(api: World, language: str, block: str, monkeypatch: pytest.MonkeyPatch) -> httpx.Response:
    if language == "sh":
        method, url, headers, body = curl(block)
    else:
        method, url, headers, body = "POST", *python(block, monkeypatch)
    path = url.partition(PREFIX)[2]
    sent = {name: value.replace("$KEY", api.keys["t"]) for name, value in headers.items()}
    return await api.call(method, path, None, content=body, headers=sent)


def curl(block: str) -> tuple[str, str, dict[str, str], bytes]:
    program, *words = shlex.split(block)
    assert program == "curl"
    method, url, headers, body = "GET", "", dict[str, str](), b""
    waiting = iter(words)
    for word in waiting:
        match word:
            case "-X":
                method = next(waiting)
            case "-H":
                name, _, value = next(waiting).partition(": ")
                headers[name] = value
            case "-d":
                body = next(waiting).encode()
            case _:
                url = word
    return method, url, headers, body


def python(block: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, dict[str, str], bytes]:
    """What a script would have sent."""
    sent: list[urllib.request.Request] = []

    class Opened:
        def __init__(self, request: urllib.request.Request) -> None:
            sent.append(request)

        def read(self) -> bytes:
            return b""

    with monkeypatch.context() as patched:
        patched.setattr(urllib.request, "urlopen", Opened)
        exec(compile(block, "page", "exec"), {})  # noqa: S102 - a page of ours
    (request,) = sent
    assert isinstance(request.data, bytes)
    return request.full_url, dict(request.header_items()), request.data


def assert_says(told: Any, shown: Any, at: str = "$") -> None:
    """All that the page shows is there, whatever else there is."""
    if shown == ANYTHING:
        assert told, at
    elif isinstance(shown, dict):
        for name, value in shown.items():
            assert name in told, f"{at}.{name}: {told}"
            assert_says(told[name], value, f"{at}.{name}")
    elif isinstance(shown, list):
        assert len(told) == len(shown), f"{at}: {told}"
        for n, (one, other) in enumerate(zip(told, shown, strict=True)):
            assert_says(one, other, f"{at}[{n}]")
    else:
        assert told == shown, at


@pytest.mark.parametrize("page", ["capture-api.md", "capture-webhook.md"])
async def test_the_worked_example_works(api: World, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared = 0
    for language, block, shown in steps(page):
        answer = await run(api, language, block, monkeypatch)
        assert answer.status_code in (200, 201), f"{block}\n{answer.text}"
        if shown is not None:
            assert_says(answer.json(), shown)
            compared += 1
    assert compared >= 2


def blocks(page: str, language: str) -> list[str]:
    """All blocks of a page that are in this language."""
    text = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
    return [block for name, block in ANY_BLOCK.findall(text) if name == language]


def made_by(page: str) -> tuple[str, dict[str, Any]]:
    """The capture point that the page makes: its path, and its body."""
    typed = blocks(page, "sh")
    block = next(b for b in typed if "curl -X PUT" in b)
    method, url, _, body = curl(block[block.index("curl") :])
    assert method == "PUT"
    return url.partition(PREFIX)[2], msgspec.json.decode(body)


async def test_the_worked_example_of_files(
    api: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)
    page = "capture-files.md"
    table = next(b for b in blocks(page, "") if b.startswith("Vorgang;"))
    (mapping,) = blocks(page, "yaml")
    (tmp_path / "claims.csv").write_text(table)
    (tmp_path / "claims.yaml").write_text(mapping)
    trial = try_file(tmp_path / "claims.csv", trial_point(tmp_path / "claims.yaml"))
    assert (trial.records, trial.failed) == (2, 0)

    way = FileWay(tmp_path)
    way.folder = way.root / "t" / "claims"
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    body = yaml.safe_load(mapping)
    body["source"]["settleSeconds"] = 0
    assert (await api.call("PUT", "/capture-points/claims", json=body)).status_code == 201
    await api.follow()
    assert await way.notifications(api) == []
    wrong = table + "4713;KFZ;1,00;31.02.2026;Eva Muster\n"
    way.drop("claims.csv", wrong.encode())
    async with reading(api) as reader:
        await step_until(reader, way.idle)
    first, second = await items_at(api)
    shown = (await api.get(f"/items/{first['id']}")).json()
    told = {
        name: shown[name] for name in ("captureId", "subject", "channel", "category", "dueDateTime", "data")
    }
    assert told == {
        "captureId": "4711", "subject": "Erika Muster, 4711", "channel": "file", "category": "Claims/Motor",
        "dueDateTime": "2026-12-23T23:00:00Z", "data": {"amount": 1250.0},
    }  # fmt: skip
    assert second["data"] == {"amount": 80.5}
    (returned,) = way.files("partially-processed")
    assert returned.name.startswith("claims.")
    assert {"iwdStatus", "iwdError"} <= set(returned.read_text("utf-8-sig").splitlines()[0].split(";"))
    assert len(await inbox(api)) == 1
    way.drop(returned.name, returned.read_bytes().replace(b"31.02.2026", b"28.02.2027"))
    async with reading(api) as reader:
        await step_until(reader, way.idle)
    assert [i["captureId"] for i in await items_at(api)] == ["4711", "4712", "4713"]
    assert (await api.post(f"/items/{first['id']}/complete", {"resultCode": "paid"})).status_code == 200
    assert [(n["captureId"], n["notification"]) for n in await way.notifications(api)] == [
        ("4711", "completed")
    ]


async def test_the_messages_in_xml(api: World, tmp_path: Path) -> None:
    (text,) = blocks("capture-files.md", "xml")
    way = FileWay(tmp_path)
    api.platform.capture_adapters = {"file": FileAdapter(way.root)}
    body = {"name": "Claims", "source": way.source()}
    assert (await api.call("PUT", "/capture-points/claims", json=body)).status_code == 201
    way.drop("a.xml", text.encode())
    async with reading(api) as reader:
        await step_until(reader, way.idle)
    (item,) = await items_at(api)
    assert (item["status"], item["businessValue"], item["ext"]["customerId"]) == ("held", 50, "K-1")
    assert item["data"] == {"kind": "claim"}


async def test_the_worked_example_of_a_table(
    api: World, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_notifier, "WAIT_SECONDS", 0.05)
    page = "capture-database.md"
    (created,) = blocks(page, "sql")
    path, body = made_by(page)
    point = path.rpartition("/")[2]
    url, role = await postgres_source(postgres_server)
    body["source"] |= {"url": url, "password": role, "pollSeconds": 0.1}
    connection = await asyncpg.connect(postgres_server.dsn(url.partition("@/")[2].partition("?")[0]))
    try:
        await connection.execute(created)
        await connection.execute(f"GRANT ALL ON claim TO {role}")
        assert (await api.call("PUT", path, json=body)).status_code == 201
        await api.follow()
        async with reading(api, point) as reader:
            assert await reader.notifier.step() == 0, "from now on"
            await connection.execute(
                "INSERT INTO claim (id, reference, title, amount, due) VALUES (1, 'C-1', 'Hail', 12.5, now())"
            )
            await step_until(reader, lambda: reader.status.records >= 1)
            state = "SELECT iwd_state, iwd_item, iwd_queue, iwd_error FROM claim"
            assert [r[0] for r in await connection.fetch(state)] == ["created"]
            (item,) = await items_at(api, point)
            assert (item["captureId"], item["subject"], item["data"]) == ("C-1", "Hail", {"amount": 12.5})
            done = await api.post(f"/items/{item['id']}/complete", {"resultCode": "paid"})
            assert done.status_code == 200, done.text
            await (await api.services()).feed.catch_up()
            while await reader.notifier.step():
                pass
            told = [tuple(r) for r in await connection.fetch(state)]
            assert told == [("done", item["id"], item["queue"], None)]
    finally:
        await connection.close()


async def takes(api: World, page: str, outside: Outside, sent: list[dict[str, Any]]) -> None:
    """The point of the page, first as it stands, then at the test's own place, takes the messages of the page."""
    path, body = made_by(page)
    assert (await api.call("PUT", path, json=body)).status_code == 201
    assert set(body["source"]) - set(outside.source) <= {"security", "mechanism", "username", "password"}
    body["source"] = outside.source
    assert (await api.call("PUT", path, json=body)).status_code == 200
    await outside.put(*sent)
    point = path.rpartition("/")[2]
    async with reading(api, point) as reader:
        await step_until(reader, lambda: reader.status.records >= len(sent))
    assert len(await items_at(api, point)) == 1


async def test_the_worked_example_of_a_topic(api: World, kafka_servers: list[str]) -> None:
    page = "capture-kafka.md"
    sent = [
        msgspec.json.decode(found)
        for found in re.findall(r"^echo '([^']*)'", "".join(blocks(page, "sh")), re.MULTILINE)
    ]
    assert [m.get("message", "create") for m in sent] == ["create", "cancel"]
    async with topic(kafka_servers) as made:
        await takes(api, page, made, sent)
        assert await answers_of(made) == [("ORD-7", "created"), ("ORD-7", "done")]


async def test_the_worked_example_of_a_queue(api: World, rabbitmq_url: str) -> None:
    page = "capture-amqp.md"
    (script,) = blocks(page, "python")
    sent = [msgspec.json.decode(found) for found in re.findall(r"Message\(b'([^']*)'", script)]
    async with queue(rabbitmq_url) as made:
        await takes(api, page, made, sent)
        assert await answers_of(made) == [("F-9", "created")]
