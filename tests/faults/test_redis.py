"""Redis is killed and frozen under load: no request fails, none is answered wrongly, and few ever wait for it. Who has
logged out meanwhile stays out, and no item is worked on twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import httpx
import pytest

from tests.faults.installation import NO_TLS, PASSWORD, PREFIX, Process, Site, asked, told, until
from tests.servers.postgres import in_a_loop_of_its_own
from tests.servers.redis import OwnRedis

pytestmark = pytest.mark.timeout(900)  # processes start slowly on a busy machine
PATIENCE_SECONDS = 240.0
LOADS = 3
SECRET = "a-key-for-tests-that-nobody-keeps-secret"


class Load:
    """Sources that create items, a person that looks who it is, and agents that work on what they are offered, each
    through both processes in turn, until stopped.
    """

    def __init__(self, processes: list[Process], keys: Mapping[str, str], token: str) -> None:
        self.created: list[str] = []
        self.worked: list[str] = []
        """Items whose completion was acknowledged."""
        self.asked = 0
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._create, args=(processes, keys["admin"], f"l{n}"))
            for n in range(LOADS)
        ]
        self._threads.append(threading.Thread(target=self._ask, args=(processes, token)))
        self._threads += [
            threading.Thread(target=self._work, args=(processes, keys[agent])) for agent in ("near", "far")
        ]
        for thread in self._threads:
            thread.start()

    def _create(self, processes: list[Process], key: str, name: str) -> None:
        clients = [process.client(key) for process in processes]
        number = 0
        while not self._stopping.is_set():
            number += 1
            capture_id = f"{name}-{number}"
            body = {"captureId": capture_id, "category": "C"}
            answer = asked(lambda: clients[number % 2].post("/items", json=body))  # noqa: B023 - at once
            if answer.status_code in (200, 201):
                self.created.append(capture_id)
            else:
                self.faults.append(answer.text)
        for client in clients:
            client.close()

    def _ask(self, processes: list[Process], token: str) -> None:
        headers = {"cookie": f"openiwd_session={token}"}
        clients = [httpx.Client(base_url=p.url + PREFIX, headers=headers, timeout=20) for p in processes]
        while not self._stopping.is_set():
            self.asked += 1
            answer = asked(lambda: clients[self.asked % 2].get("/users/me"))
            if answer.status_code != 200 or answer.json()["login"] != "near":
                self.faults.append(answer.text)
            time.sleep(0.05)  # within the limit of a person
        for client in clients:
            client.close()

    def _work(self, processes: list[Process], key: str) -> None:
        """An offer that is seen through one process is accepted and done through the other."""
        here, there = (process.client(key, 60) for process in processes)
        while not self._stopping.wait(0.05):
            here, there = there, here
            state = asked(lambda: here.get("/agents/me")).json().get("states", {}).get("*", {})  # noqa: B023 - at once
            if state.get("state") != "ready":
                here.post("/agents/me/state", json={"state": "ready"})
            offers = asked(lambda: here.get("/agents/me/offers")).json()  # noqa: B023 - at once
            for offer in offers.get("offers", ()):
                if there.post(f"/offers/{offer['id']}/accept").status_code != 200:
                    continue
                answer = here.post(f"/items/{offer['item']['id']}/complete", json={})
                if answer.status_code == 200:
                    self.worked.append(answer.json()["id"])
        here.close()
        there.close()

    def goes_on(self, count: int = 30) -> None:
        """Returns when so many more items have been created, and some worked on."""
        created, worked = len(self.created), len(self.worked)
        until(
            "the load goes on",
            lambda: self.faults or (len(self.created) >= created + count and len(self.worked) >= worked + 2),
            PATIENCE_SECONDS,
        )

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)


def figure(process: Process, name: str) -> float:
    text = told(f"{process.metrics_url}/metrics").text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


def ready(process: Process) -> tuple[int, str]:
    answer = told(f"{process.url}/readyz")
    return answer.status_code, answer.json()["status"]


class Person:
    """Logged in at one process, known to both."""

    def __init__(self, processes: list[Process], login: str) -> None:
        self._processes = processes
        answer = httpx.post(
            f"{processes[0].url}{PREFIX}/sessions",
            json={"login": login, "password": PASSWORD},
            timeout=60,
            trust_env=False,
        )
        self.token = answer.cookies["openiwd_session"]
        self._headers = {
            "cookie": f"openiwd_session={self.token}",
            "x-csrf-token": answer.json()["csrfToken"],
        }
        assert self.seen() == [200, 200], "copies lie in Redis and in both"

    def seen(self) -> list[int]:
        """As whom each process takes it."""
        urls = [f"{process.url}{PREFIX}/users/me" for process in self._processes]
        return [
            httpx.get(u, headers=self._headers, timeout=60, trust_env=False, verify=NO_TLS).status_code
            for u in urls
        ]

    def log_out(self) -> None:
        url = f"{self._processes[0].url}{PREFIX}/sessions/current"
        answer = httpx.delete(url, headers=self._headers, timeout=60, trust_env=False)
        assert answer.status_code == 204

    def is_out(self) -> bool:
        return self.seen() == [401, 401]


def test_a_redis_that_dies_freezes_and_returns_fails_no_request(site: Site, own_redis: OwnRedis) -> None:
    environment = {
        "OPENIWD_REDIS_URL": own_redis.url,
        "OPENIWD_REDIS_TIMEOUT_MS": "1000",  # a busy machine is not a server that is away
        "OPENIWD_SECRET_KEY": SECRET,
    }
    processes = [site.start("serve", environment=environment) for _ in range(2)]
    for process in processes:
        until(
            "redis is found",
            lambda p=process: figure(p, "iwd_redis_up") == 1,  # type: ignore[misc]
            PATIENCE_SECONDS,
        )
    staying = Person(processes, "near")
    left: list[Person] = []
    load = Load(processes, site.keys, staying.token)
    try:
        load.goes_on()
        for fault, end in ((own_redis.kill, own_redis.start), (own_redis.freeze, own_redis.thaw)):
            left.append(Person(processes, "far"))
            fault()
            for process in processes:
                until("it is away", lambda p=process: ready(p) == (200, "degraded"), PATIENCE_SECONDS)  # type: ignore[misc]
            left[-1].log_out()
            until("the session is over everywhere, without Redis", left[-1].is_out, PATIENCE_SECONDS)
            load.goes_on()
            end()
            for process in processes:
                until("it is back", lambda p=process: ready(p) == (200, "ready"), PATIENCE_SECONDS)  # type: ignore[misc]
            assert all(person.is_out() for person in left), "a copy that Redis has kept is not believed"
            load.goes_on()
    finally:
        load.stop()
    assert load.faults == []
    stored = in_a_loop_of_its_own(site.value("SELECT count(*) FROM item"))
    assert stored == len(load.created)
    assert len(set(load.worked)) == len(load.worked), "nothing is worked on twice"
    done = in_a_loop_of_its_own(
        site.value(
            "SELECT count(*) FROM item WHERE id = ANY($1::uuid[]) AND status = 'completed'", load.worked
        )
    )
    assert done == len(load.worked)
    for process in processes:
        assert figure(process, "iwd_redis_lost_total") >= 2
        assert figure(process, "iwd_redis_not_asked_total") > 0, "requests went on without asking"
    staying.log_out()
    until("the session is over in the other process too", staying.is_out, PATIENCE_SECONDS)
    assert all(person.is_out() for person in left)
