"""`openiwd up` as a user starts it: a process of its own, a real browser's first page, signals, and being killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import httpx
import psutil
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgres
from openiwd.adapters.postgres.migrate import current, migrate
from openiwd.adapters.postgres.migrations.history import History, migrations_of
from openiwd.cli.up import _print_ready
from openiwd.domain.privilege import Role
from openiwd.ports.tenant_store import Tenant
from openiwd.processes import bootstrap
from openiwd.processes.bootstrap import Credentials, FirstUser
from openiwd.processes.database import database_dsn, ensure_database
from openiwd.processes.mart_folder import KEY_NAME
from openiwd.processes.up import Ready
from openiwd.processes.wiring import Wiring
from tests.faults.installation import until as wait
from tests.servers.postgres import data_folder
from tests.servers.prepared import Forked, interpreter
from tests.servers.redis import OwnRedis, ask
from tests.servers.search import SearchServerUrl
from tests.servers.until import until

pytestmark = pytest.mark.timeout(300)  # processes start slowly on a busy machine
READY_SECONDS = 60
STOP_SECONDS = 60
PATIENCE_SECONDS = 300.0
"""Of what a busy machine may need."""


def arguments(data: Path, *options: str) -> list[str]:
    return ["up", "--data", str(data), "--port", "0", "--metrics-port", "0", "--json", *options]


class Up:
    """One run of `openiwd up`; `typed`: by its command, else without the imports."""

    def __init__(
        self, data: Path, *options: str, environment: Mapping[str, str] | None = None, typed: bool = False
    ) -> None:
        variables = {**os.environ, **(environment or {})}
        self._errors = TemporaryFile("w+")  # noqa: SIM115 - closed by `ended`
        self.process: subprocess.Popen[str] | Forked
        if typed:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "openiwd", *arguments(data, *options)],
                env=variables,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                start_new_session=True,
            )
        else:
            self.process = interpreter.fork(arguments(data, *options), variables, self._errors)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise AssertionError(self._errors.read())
        self.ready: dict[str, Any] = json.loads(line)
        self.http = httpx.Client(
            base_url=self.ready["url"], headers={"x-api-key": self.ready["apiKey"]}, timeout=20
        )

    def tree(self) -> list[psutil.Process]:
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.http.close()
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        code = self.process.wait(STOP_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()
        return code


@pytest.fixture
def data() -> Iterator[Path]:
    """A folder that the server's own account can reach, as a user would give one."""
    folder = data_folder("openiwd-up-")
    yield folder
    for pid_file in folder.rglob("postmaster.pid"):
        with suppress(ValueError, OSError, psutil.Error):
            psutil.Process(int(pid_file.read_text().splitlines()[0])).kill()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def begun() -> Iterator[Path]:
    """A data folder that has been used before, all its databases made."""
    folder = data_folder("openiwd-up-")
    up = Up(folder)
    try:
        key = up.ready["apiKey"]
        wait("the mart is loaded", lambda: mart_is_loaded(up, key), PATIENCE_SECONDS)
    finally:
        assert up.stop() == 0
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def used(begun: Path, data: Path) -> Path:
    """A copy of it, with the owners of the files."""
    subprocess.run(["cp", "-a", f"{begun}/.", data], check=True)
    return data


def post_item(up: Up, capture_id: str) -> str:
    answer = up.http.post("/iwd/v3/items", json={"captureId": capture_id, "subject": f"Item {capture_id}"})
    assert answer.status_code == 201, answer.text
    item_id: str = answer.json()["id"]
    return item_id


def test_it_starts_serves_stops_and_carries_on(data: Path) -> None:
    up = Up(data, typed=True)
    assert set(up.ready) == {"url", "apiKey", "users"}
    assert {u["role"] for u in up.ready["users"]} == {"administrator"}
    assert up.http.get("/livez").status_code == 200
    assert up.http.get("/readyz").json()["status"] == "ready"
    assert "login" in up.http.get("/login").text.lower()
    item_id = post_item(up, "first")
    tree = up.tree()
    assert len(tree) > 1, "PostgreSQL belongs to the same tree"
    assert up.stop(signal.SIGINT) == 0
    assert not psutil.wait_procs(tree, timeout=5)[1], "nothing is left running"
    again = Up(data)
    assert again.ready["apiKey"] == up.ready["apiKey"]
    assert again.http.get(f"/iwd/v3/items/{item_id}").json()["subject"] == "Item first"
    assert again.stop(signal.SIGTERM) == 0


def test_killed_parent_nothing_acknowledged_is_lost(used: Path) -> None:
    up = Up(used)
    acknowledged = [post_item(up, f"c{n}") for n in range(50)]
    postgres = [p for p in up.tree() if p.pid != up.process.pid]
    up.process.send_signal(signal.SIGKILL)
    up.http.close()
    up.ended()
    assert any(p.is_running() for p in postgres), "the orphan is still there"
    again = Up(used)
    for item_id in acknowledged:
        assert again.http.get(f"/iwd/v3/items/{item_id}").status_code == 200
    assert again.stop() == 0
    assert not psutil.wait_procs(postgres, timeout=10)[1]


def test_the_whole_tree_killed_nothing_acknowledged_is_lost(used: Path) -> None:
    up = Up(used)
    acknowledged = [post_item(up, f"c{n}") for n in range(50)]
    for process in up.tree():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    up.http.close()
    up.ended()
    again = Up(used)
    for item_id in acknowledged:
        assert again.http.get(f"/iwd/v3/items/{item_id}").status_code == 200
    assert again.stop() == 0


def answered(up: Up, deadline: float, method: str, path: str, **body: Any) -> httpx.Response:
    """The answer once the server is able to give it: until then it says when to ask again."""
    while True:
        answer = up.http.request(method, path, **body)
        if answer.status_code != 503:
            assert answer.status_code in (200, 201), answer.text
            return answer
        assert "retry-after" in answer.headers
        assert time.monotonic() < deadline


def test_postgresql_killed_alone_comes_back_and_nothing_is_lost(used: Path) -> None:
    up = Up(used)
    item_id = post_item(up, "before")
    # Beside it the data mart's database may just be brought up to date, by a program of its own.
    (postmaster,) = [p for p in psutil.Process(up.process.pid).children() if "postgres" in p.name()]
    postmaster.kill()
    # Its sessions may serve a moment longer: what one of them acknowledges counts as well.
    deadline = time.monotonic() + READY_SECONDS
    made = answered(up, deadline, "POST", "/iwd/v3/items", json={"captureId": "after"})
    for one in (item_id, made.json()["id"]):
        assert answered(up, deadline, "GET", f"/iwd/v3/items/{one}").status_code == 200
    assert up.stop() == 0


@pytest.fixture
def search_prefix(opensearch_url: SearchServerUrl) -> Iterator[str]:
    prefix = f"up{uuid.uuid4().hex[:12]}"
    yield prefix
    httpx.delete(f"{opensearch_url.url}/{prefix}-*", timeout=60, trust_env=False)


@pytest.mark.timeout(1_200)  # it may be the first test that starts the search server
def test_redis_and_a_search_server_beside_it_are_used_and_done_without(
    used: Path, own_redis: OwnRedis, opensearch_url: SearchServerUrl, search_prefix: str
) -> None:
    environment = {
        "OPENIWD_REDIS_URL": own_redis.url,
        "OPENIWD_REDIS_PREFIX": "beside-up",
        "OPENIWD_REDIS_TIMEOUT_MS": "1000",
        "OPENIWD_SEARCH_URL": opensearch_url.url,
        "OPENIWD_SEARCH_PREFIX": search_prefix,
    }
    up = Up(used, environment=environment)

    def states() -> tuple[str, str, str]:
        told = up.http.get("/readyz").json()
        return told["status"], *(told["dependencies"][name]["status"] for name in ("redis", "search"))

    def found() -> tuple[str, list[str]]:
        told = up.http.post("/iwd/v3/items/search", json={"text": "item", "sort": ["captureId"]}).json()
        return told["source"], [item["captureId"] for item in told["items"]]

    try:
        wait("both are there", lambda: states() == ("ready", "ok", "ok"), PATIENCE_SECONDS)
        post_item(up, "a")
        wait("the index finds it", lambda: found() == ("index", ["a"]), PATIENCE_SECONDS)
        assert b"beside-up:" in ask(own_redis.port, "KEYS", "*"), "what the process shares lies in Redis"
        own_redis.kill()
        wait("redis is missed", lambda: states() == ("degraded", "degraded", "ok"), PATIENCE_SECONDS)
        post_item(up, "b")
        assert found()[1] == ["a", "b"]
        own_redis.start()
        wait("redis is back", lambda: states() == ("ready", "ok", "ok"), PATIENCE_SECONDS)
    finally:
        assert up.stop() == 0


def test_a_taken_port_and_a_folder_in_use_are_told(used: Path, begun: Path) -> None:
    up = Up(used)
    port = up.ready["url"].rpartition(":")[2]
    for folder, options, words in ((used, (), "in use"), (begun, ("--port", port), f"port {port}")):
        done = interpreter.run(arguments(folder, *options), READY_SECONDS)
        assert done.returncode == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert up.stop() == 0


def test_a_private_home_keeps_its_mode(data: Path) -> None:
    home = data / "home"
    home.mkdir(mode=0o700)
    (home / "project").mkdir(mode=0o700)
    environment = {**os.environ, "HOME": str(home)}
    process = subprocess.Popen(
        [sys.executable, "-m", "openiwd", *arguments(home / "project" / "data")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["url"]
    process.terminate()
    assert process.wait(STOP_SECONDS) == 0
    process.stdout.close()
    assert [oct(p.stat().st_mode & 0o777) for p in (home, home / "project")] == ["0o700", "0o700"]


async def restored(data: Path, old: Path) -> str:
    """A data folder as a backup brings it, of two tenants; the second is one migration behind. A key of the second."""
    *all_but_one, _ = migrations_of(History.TENANT)
    (old / History.TENANT.value).mkdir()
    for each in all_but_one:
        shutil.copy(each.path, old / History.TENANT.value)
    postgres = EmbeddedPostgres(data, durable=False)
    await postgres.start()
    try:
        main, other = (Tenant(id=i, name=i, database_name=f"iwd-{i}") for i in ("main", "other"))
        wiring = Wiring(await bootstrap.prepare_databases(postgres.dsn(), main))
        try:
            await ensure_database(postgres.dsn(), other.database_name)
            dsn = database_dsn(postgres.dsn(), other.database_name)
            await migrate([(History.TENANT, dsn)], root=old)
            assert await current(dsn) == all_but_one[-1].revision
            for tenant in (main, other):
                await bootstrap.ensure_tenant(wiring, tenant)
            chief = FirstUser(login="chief", password=bootstrap.new_password(), role=Role.ADMINISTRATOR.value)
            await bootstrap.make_users(wiring, main, [chief])
            return await bootstrap.make_api_key(wiring, other.id, "test", Role.ADMINISTRATOR)
        finally:
            await wiring.close()
    finally:
        await postgres.stop()


async def test_a_restored_folder_keeps_its_logins_and_all_its_tenants_are_brought_up_to_date(
    data: Path, tmp_path: Path
) -> None:
    key = await restored(data, tmp_path)
    up = Up(data)
    try:
        assert up.ready["users"] == [], "no password is told that nobody has"
        users = up.http.get("/iwd/v3/users").json()["users"]
        assert [u["login"] for u in users] == ["chief"]
        answer = up.http.get("/iwd/v3/skills", headers={"x-api-key": key})
        assert answer.status_code == 200, answer.text
        for tenant_key in (up.ready["apiKey"], key):
            await until(partial(mart_is_loaded, up, tenant_key), seconds=READY_SECONDS)
    finally:
        assert up.stop() == 0


def mart_is_loaded(up: Up, key: str) -> bool:
    """Whether the tenant's reports have numbers, and a key of their own that nobody was told."""
    answer = up.http.get("/iwd/v3/reports/intraday-process", headers={"x-api-key": key})
    assert answer.status_code in (200, 404, 429, 503), answer.text
    if answer.status_code != 200 or answer.json()["dataAsOf"] is None:
        return False
    keys = up.http.get("/iwd/v3/api-keys", headers={"x-api-key": key})
    assert keys.status_code == 200, keys.text
    assert KEY_NAME in keys.text
    return True


def test_where_no_logins_were_made_the_way_to_a_new_password_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = FirstUser(login="admin", password="made up", role="administrator")
    for users, words in (([made], ("admin", "made up")), ([], ("reset-administrator main --data",))):
        credentials = Credentials(api_key="key", users=users)
        _print_ready(Ready(url="http://x", metrics_url=None, credentials=credentials, data_dir=tmp_path))
        told = capsys.readouterr().out
        assert all(word in told for word in words), told
        assert ("reset-administrator" in told) == (not users)
