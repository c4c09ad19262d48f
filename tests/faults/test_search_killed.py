"""A search server is killed under load and started again on its data, and frozen: searches go on, are never wrong, and
the index is complete after. Run by `make faults`: the server takes long to start.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from tests.faults.installation import Process, Site, asked, told, until
from tests.servers.postgres import in_a_loop_of_its_own
from tests.servers.search import OwnSearch, own_search

pytestmark = [pytest.mark.faults, pytest.mark.timeout(2_400)]
"""The server starts slowly on a busy machine."""
PATIENCE_SECONDS = 600.0
LIMIT = 1_000


@pytest.fixture
def server() -> Iterator[OwnSearch]:
    with TemporaryDirectory(prefix="openiwd-search-") as folder, own_search(Path(folder)) as made:
        yield made


class Load:
    """One source creates items and changes every third so that its word is gone; one person searches for the word.

    What was acknowledged before a search is in its answer, or out of it.
    """

    def __init__(self, process: Process, key: str) -> None:
        self.created: list[str] = []
        self.touched: set[str] = set()
        """A change was begun."""
        self.changed: set[str] = set()
        """It was acknowledged."""
        self.searches = 0
        self.told = ("", "")
        """Who answered the last search, and how the index was."""
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=act, args=(process.client(key, 60),))
            for act in (self._create, self._search)
        ]
        for thread in self._threads:
            thread.start()

    def _create(self, http: httpx.Client) -> None:
        with http:
            while not self._stopping.wait(0.05):
                name = f"s{len(self.created):05}"
                body = {"captureId": name, "category": "C", "subject": "Stolen"}
                answer = asked(lambda body=body: http.post("/items", json=body))  # type: ignore[misc]
                if answer.status_code not in (200, 201):
                    self.faults.append(answer.text)
                    return
                self.created.append(name)
                if len(self.created) % 3 == 0:
                    self.touched.add(name)
                    url = f"/items/{answer.json()['id']}"
                    answer = asked(lambda url=url: http.patch(url, json={"subject": "Found again"}))  # type: ignore[misc]
                    if answer.status_code != 200:
                        self.faults.append(answer.text)
                        return
                    self.changed.add(name)

    def _search(self, http: httpx.Client) -> None:
        with http:
            while not self._stopping.wait(0.05):
                known, gone = set(self.created), set(self.changed)
                answer = asked(lambda: search(http))
                if answer.status_code != 200:
                    self.faults.append(answer.text)
                    return
                told = answer.json()
                found = [item["captureId"] for item in told["items"]]
                missing = known - self.touched.copy() - set(found)
                if len(found) == LIMIT:
                    missing = {name for name in missing if name < found[-1]}
                if missing or gone & set(found) or found != sorted(found):
                    self.faults.append(f"{told['source']}: missing {missing}, too many {gone & set(found)}")
                self.told = (told["source"], told["searchIndex"])
                self.searches += 1

    def goes_on(self, count: int = 15) -> None:
        created, searches = len(self.created), self.searches
        until(
            "the load goes on",
            lambda: self.faults or (len(self.created) >= created + count and self.searches >= searches + 3),
            PATIENCE_SECONDS,
        )

    def is_told(self, source: str, health: str, seconds: float = PATIENCE_SECONDS) -> None:
        until(f"{source}, {health}", lambda: self.faults or self.told == (source, health), seconds)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)


def search(http: httpx.Client) -> httpx.Response:
    return http.post("/items/search", json={"text": "stolen", "sort": ["captureId"], "limit": LIMIT})


def readiness(process: Process) -> tuple[int, str]:
    with suppress(httpx.HTTPError):
        answer = told(f"{process.url}/readyz")
        return answer.status_code, answer.json()["dependencies"]["search"]["status"]
    return 0, ""


def test_a_search_server_that_is_killed_and_frozen_and_returns(site: Site, server: OwnSearch) -> None:
    environment = {
        "OPENIWD_SEARCH_URL": server.url,
        "OPENIWD_SEARCH_PREFIX": f"f{uuid.uuid4().hex[:12]}",
    }
    process = site.start("serve", environment=environment)
    load = Load(process, site.keys["admin"])
    try:
        load.is_told("index", "ready")
        load.goes_on()
        for fault, end in ((server.kill, server.start), (server.freeze, server.thaw)):
            fault()
            load.is_told("database", "away")
            until(
                "it is told", lambda: load.faults or readiness(process) == (200, "degraded"), PATIENCE_SECONDS
            )
            load.goes_on()
            end()
            load.is_told("index", "ready")
            load.goes_on()
    finally:
        load.stop()
    assert load.faults == []
    stored = in_a_loop_of_its_own(site.value("SELECT count(*) FROM item"))
    assert stored == len(load.created)
    until("the index is complete", lambda: server.count() == stored, PATIENCE_SECONDS)
    with process.client(site.keys["admin"], 60) as http:
        told = search(http).json()
    assert (told["source"], told["count"]) == ("index", stored - len(load.changed))
