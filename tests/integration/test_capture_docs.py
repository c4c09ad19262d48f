"""The worked examples of the pages about sending and posting work: typed as they stand, they answer what is shown."""

from __future__ import annotations

import re
import shlex
import urllib.request
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from tests.factories.api import PREFIX, World
from tests.servers.shared import ROOT

BLOCK = re.compile(r"^```(sh|json|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
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
