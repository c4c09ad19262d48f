"""`openiwd rules` against a real server: what it prints, what it exits with."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from openiwd.cli.main import app
from openiwd.cli.refusal import REFUSED, AnswerError
from openiwd.cli.rules_client import RulesClient
from tests.factories.api import World
from tests.servers.until import until

NOBODY = "00000000-0000-0000-0000-000000000000"
TEST = {"item": {"data": {"kind": "claim", "line": "motor"}}, "expect": {"queue": "claims"}}


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Program:
    """The command, with its address and key in the environment as a script has them."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url
        self.key = key

    def _environment(self, key: str | None) -> dict[str, str]:
        return {
            "OPENIWD_URL": self.url,
            "OPENIWD_API_KEY": key or self.key,
            "NO_COLOR": "1",
            "COLUMNS": "200",
        }

    async def __call__(self, *arguments: str, key: str | None = None, stdin: bytes = b"") -> Ran:
        """In a thread of this process: to start another one takes seconds."""
        found = await asyncio.to_thread(
            CliRunner().invoke, app, ["rules", *arguments], input=stdin, env=self._environment(key)
        )
        refused = found.exception if isinstance(found.exception, AnswerError) else None
        if found.exception is not None and not isinstance(found.exception, AnswerError | SystemExit):
            raise found.exception
        error = found.stderr if refused is None else refused.message
        return Ran(REFUSED if refused is not None else found.exit_code, found.stdout, error)

    async def by_itself(self, *arguments: str) -> Ran:
        """In a process of its own."""
        run = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "openiwd", "rules", *arguments, env={**os.environ, **self._environment(None)},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await run.communicate()
        assert run.returncode is not None
        return Ran(run.returncode, out.decode(), err.decode())


@pytest.fixture
async def rules(api: World) -> AsyncIterator[Program]:
    config = uvicorn.Config(api.api, port=0, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Program(f"http://127.0.0.1:{port}", api.keys["t"])
    server.should_exit = True
    server.force_exit = True
    await running


async def test_a_rule_set_is_taken_in_tested_tried_and_published(
    api: World, rules: Program, tmp_path: Path
) -> None:
    await api.item("c1")
    file = tmp_path / "rules.yaml"
    exported = await rules("export", "-o", str(file))
    assert exported.code == 0, exported.err
    text = file.read_text(encoding="utf-8")
    changed = text.replace("queues:\n", "queues:\n- {id: storm, name: Storm desk}\n", 1)
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    looked = await rules("import", str(file), "--dry-run", "--json")
    assert (looked.code, [d["id"] for d in looked.json["differences"]]) == (0, ["storm"]), looked
    taken = await rules("import", "-", "--name", "Storm", "--json", stdin=changed.encode())
    assert taken.code == 0, taken.err
    draft = taken.json["draft"]
    assert (await rules("export", "--draft", "Storm")).out == (await rules("export", "--draft", draft)).out
    said = await rules("diff", "--draft", "Storm")
    assert (said.code, "added: queues storm" in said.out) == (0, True), said
    await api.call("PUT", f"/rulesets/drafts/{draft}/tests/motor", "t", json=TEST)
    tested = await rules("test", "--draft", draft, "--reason", "before the season")
    assert (tested.code, "1 of 1 tests pass" in tested.out) == (0, True), tested
    category = (await api.get(f"/categories/motor?draft={draft}")).json()
    await api.call("PUT", f"/categories/motor?draft={draft}", "t", json={**category, "queue": "storm"})
    failed = await rules("test", "--draft", draft)
    assert (failed.code, 'queue: expected "claims", came "storm"' in failed.out) == (1, True), failed
    counted = await rules("impact", draft, "--json")
    assert (counted.code, counted.json["counts"]["queue"]) == (0, 1), counted
    assert "1" in (await rules("impact", "Storm")).out
    refused = await rules("publish", draft)
    assert (refused.code, "motor" in refused.out) == (1, True), refused
    done = await rules(
        "publish", draft, "--despite-tests", "the test is old", "--comment", "Storm", "--wait", "--json"
    )
    assert (done.code, done.json["version"], done.json["run"]["status"]) == (0, 2, "done"), done
    assert (await api.get("/items/ext_c1")).json()["queue"] == "storm"
    back = await rules("rollback", "1", "--reclassify", "none")
    assert (back.code, "Version 3 is live" in back.out) == (0, True), back
    compared = await rules("diff", "1", "2", "--json")
    assert {d["kind"] for d in compared.json["differences"]} == {"queues", "categories", "tests"}


async def test_findings_end_with_code_1(api: World, rules: Program) -> None:
    odd = {
        "id": "odd",
        "when": {"all": [{"attribute": "channel", "operator": "eq", "value": v} for v in ("mail", "web")]},
        "then": [{"raiseBusinessValue": 1}],
    }
    draft = (await api.post("/rulesets/drafts", {"name": "Odd"})).json()["id"]
    await api.call("PUT", f"/rules/odd?draft={draft}", "t", json=odd)
    found = await rules("lint", "--draft", "Odd")
    assert (found.code, "matches no item" in found.out) == (1, True), found
    listed = await rules("drafts")
    assert (listed.code, "Odd" in listed.out) == (0, True), listed


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        (("test", "--draft", "no such draft"), None, "there is no draft 'no such draft'"),
        (("export", "--version", "77"), None, "there is no version '77'"),
        (("lint",), "wrong", ""),
        (("import", "/no/such/file"), None, "cannot be read"),
        (("publish",), None, "Missing argument"),
        (("canary", NOBODY, "--share", "0.1", "--guard", "errors=many"), None, "no number"),
    ],
)  # fmt: skip
async def test_refusals_and_wrong_use_end_with_code_2(
    rules: Program, arguments: tuple[str, ...], key: str | None, said: str
) -> None:
    ran = await rules(*arguments, key=key)
    assert (ran.code, ran.out) == (2, ""), ran
    assert said in ran.err


async def test_a_server_that_is_not_there_is_said_so(rules: Program) -> None:
    rules.url = "http://127.0.0.1:9"
    ran = await rules.by_itself("lint")
    assert (ran.code, ran.out, "does not answer" in ran.err, "Traceback" in ran.err) == (
        2,
        "",
        True,
        False,
    ), ran


def test_shadow_and_canary_send_what_they_are_told() -> None:
    """Their routes are asked for by shape alone."""
    seen: list[tuple[str, str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(
            (request.method, str(request.url), json.loads(request.content) if request.content else None)
        )
        return httpx.Response(204 if request.method == "DELETE" else 200, json={"on": True})

    client = RulesClient("http://iwd", "k", httpx.MockTransport(answer))
    assert client.post("/rulesets/drafts/x/shadow", body={"on": True}, reason="try it") == {"on": True}
    assert client.call("DELETE", "/rulesets/drafts/x/canary").status_code == 204
    assert seen == [
        ("POST", "http://iwd/iwd/v3/rulesets/drafts/x/shadow?reason=try+it", {"on": True}),
        ("DELETE", "http://iwd/iwd/v3/rulesets/drafts/x/canary", None),
    ]
    client.close()


def test_an_answer_that_is_no_problem_document_is_told_by_its_status() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>bad gateway</html>"))
    client = RulesClient("http://iwd", "k", transport)
    with pytest.raises(AnswerError, match="answers 502"):
        client.get("/rulesets")
    client.close()
