"""A search server is killed under load and started again on its data: slower, never wrong, and complete after."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.faults.installation import READY_SECONDS, Process, Site, until
from tests.servers.postgres import in_a_loop_of_its_own
from tests.servers.search import OwnSearch, own_search

pytestmark = pytest.mark.timeout(600)  # the server starts slowly on a busy machine
BACK_SECONDS = 240.0


@pytest.fixture
def server() -> Iterator[OwnSearch]:
    with TemporaryDirectory(prefix="openiwd-search-") as folder, own_search(Path(folder)) as made:
        yield made


class Load:
    """One source creates items; one person searches, and finds at least what was acknowledged before."""

    def __init__(self, process: Process, key: str) -> None:
        self.created: list[str] = []
        self.searches = 0
        self.told = ("", "")
        """Who answered the last search, and how the index was."""
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=act, args=(process.client(key),)) for act in (self._create, self._search)
        ]
        for thread in self._threads:
            thread.start()

    def _create(self, http: httpx.Client) -> None:
        with http:
            while not self._stopping.wait(0.05):
                name = f"s{len(self.created):05}"
                body = {"captureId": name, "category": "C", "subject": "Stolen"}
                answer = http.post("/items", json=body)
                if answer.status_code == 201:
                    self.created.append(name)
                else:
                    self.faults.append(answer.text)

    def _search(self, http: httpx.Client) -> None:
        with http:
            while not self._stopping.wait(0.05):
                known = len(self.created)
                answer = search(http)
                told = answer.json()
                found = [item["captureId"] for item in told.get("items", ())]
                if answer.status_code != 200 or found[:known] != self.created[:known][:1_000]:
                    self.faults.append(f"{answer.status_code}: {known} known, {len(found)} found")
                self.told = (told.get("source", ""), told.get("searchIndex", ""))
                self.searches += 1

    def goes_on(self, count: int = 15) -> None:
        created, searches = len(self.created), self.searches
        until(
            "the load goes on",
            lambda: self.faults or (len(self.created) >= created + count and self.searches >= searches + 3),
            READY_SECONDS,
        )

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)


def search(http: httpx.Client) -> httpx.Response:
    return http.post("/items/search", json={"text": "stolen", "sort": ["captureId"], "limit": 1_000})


def readiness(process: Process) -> tuple[int, str]:
    with suppress(httpx.HTTPError):
        answer = httpx.get(f"{process.url}/readyz", timeout=10, trust_env=False)
        return answer.status_code, answer.json()["dependencies"]["search"]["status"]
    return 0, ""


def test_a_search_server_that_is_killed_and_returns(site: Site, server: OwnSearch) -> None:
    environment = {
        "OPENIWD_SEARCH_URL": server.url,
        "OPENIWD_SEARCH_PREFIX": f"f{uuid.uuid4().hex[:12]}",
    }
    process = site.start("serve", environment=environment)
    load = Load(process, site.keys["admin"])
    try:
        until("the index answers", lambda: load.told == ("index", "ready"), BACK_SECONDS)
        load.goes_on()
        server.kill()
        until("it is known to be away", lambda: load.told == ("database", "away"), READY_SECONDS)
        until("it is told", lambda: readiness(process) == (200, "degraded"), READY_SECONDS)
        load.goes_on()
        server.start()
        until("the index answers again", lambda: load.told == ("index", "ready"), BACK_SECONDS)
        load.goes_on()
    finally:
        load.stop()
    assert load.faults == []
    stored = in_a_loop_of_its_own(site.value("SELECT count(*) FROM item"))
    assert stored == len(load.created)
    until("the index is complete", lambda: server.count() == stored, BACK_SECONDS)
    with process.client(site.keys["admin"]) as http:
        told = search(http).json()
    assert (told["source"], told["count"]) == ("index", stored)
