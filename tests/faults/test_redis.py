"""Redis is killed and frozen under load: no request fails, none is answered wrongly, and few ever wait for it."""

from __future__ import annotations

import threading
import time

import httpx
import pytest

from tests.faults.installation import PASSWORD, PREFIX, READY_SECONDS, Process, Site, until
from tests.servers.postgres import in_a_loop_of_its_own
from tests.servers.redis import OwnRedis

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine
LOADS = 3
SECRET = "a-key-for-tests-that-nobody-keeps-secret"


class Load:
    """Sources that create items, and one that looks who it is, each through both processes in turn, until stopped."""

    def __init__(self, processes: list[Process], key: str, token: str) -> None:
        self.created: list[str] = []
        self.asked = 0
        self.faults: list[str] = []
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._create, args=(processes, key, f"l{n}")) for n in range(LOADS)
        ]
        self._threads.append(threading.Thread(target=self._ask, args=(processes, token)))
        for thread in self._threads:
            thread.start()

    def _create(self, processes: list[Process], key: str, name: str) -> None:
        clients = [process.client(key) for process in processes]
        number = 0
        while not self._stopping.is_set():
            number += 1
            capture_id = f"{name}-{number}"
            answer = clients[number % 2].post("/items", json={"captureId": capture_id, "category": "C"})
            if answer.status_code == 201:
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
            answer = clients[self.asked % 2].get("/users/me")
            if answer.status_code != 200 or answer.json()["login"] != "near":
                self.faults.append(answer.text)
            time.sleep(0.05)  # within the limit of a person
        for client in clients:
            client.close()

    def goes_on(self, count: int = 30) -> None:
        """Returns when so many more items have been created."""
        before = len(self.created)
        until("the load goes on", lambda: len(self.created) >= before + count or self.faults, 60)

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)


def figure(process: Process, name: str) -> float:
    text = httpx.get(f"{process.metrics_url}/metrics", timeout=10, trust_env=False).text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


def ready(process: Process) -> tuple[int, str]:
    answer = httpx.get(f"{process.url}/readyz", timeout=10, trust_env=False)
    return answer.status_code, answer.json()["status"]


def test_a_redis_that_dies_freezes_and_returns_fails_no_request(site: Site, own_redis: OwnRedis) -> None:
    environment = {
        "OPENIWD_REDIS_URL": own_redis.url,
        "OPENIWD_REDIS_TIMEOUT_MS": "1000",  # a busy machine is not a server that is away
        "OPENIWD_SECRET_KEY": SECRET,
    }
    processes = [site.start("serve", environment=environment) for _ in range(2)]
    for process in processes:
        until("redis is found", lambda p=process: figure(p, "iwd_redis_up") == 1, READY_SECONDS)  # type: ignore[misc]
    login = httpx.post(
        f"{processes[0].url}{PREFIX}/sessions", json={"login": "near", "password": PASSWORD}, trust_env=False
    )
    token = login.cookies["openiwd_session"]
    load = Load(processes, site.keys["admin"], token)
    try:
        load.goes_on()
        for fault, end in ((own_redis.kill, own_redis.start), (own_redis.freeze, own_redis.thaw)):
            fault()
            for process in processes:
                until("it is known to be away", lambda p=process: ready(p) == (200, "degraded"), 60)  # type: ignore[misc]
            load.goes_on()
            end()
            for process in processes:
                until("it is found again", lambda p=process: ready(p) == (200, "ready"), 60)  # type: ignore[misc]
            load.goes_on()
    finally:
        load.stop()
    assert load.faults == []
    stored = in_a_loop_of_its_own(site.value("SELECT count(*) FROM item"))
    assert stored == len(load.created)
    for process in processes:
        assert figure(process, "iwd_redis_lost_total") >= 2
        assert figure(process, "iwd_redis_not_asked_total") > 0, "requests went on without asking"
    headers = {"cookie": f"openiwd_session={token}", "x-csrf-token": login.json()["csrfToken"]}
    out = httpx.delete(
        f"{processes[0].url}{PREFIX}/sessions/current", headers=headers, timeout=20, trust_env=False
    )
    assert out.status_code == 204
    until(
        "the session is over in the other process too",
        lambda: (
            httpx.get(
                f"{processes[1].url}{PREFIX}/users/me", headers=headers, timeout=20, trust_env=False
            ).status_code
            == 401
        ),
    )
