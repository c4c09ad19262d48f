"""The code of the commit before the last migration works on today's schema: a rollback needs no restore.

Run by `make upgrade-test`; it needs the repository's history, which a shallow clone fetches from its origin.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from openiwd.domain.agent import Capacity
from tests.faults.installation import (
    READY_SECONDS,
    Process,
    Site,
    make_ready,
    new_item,
    offers_of,
    prepare,
    until,
)
from tests.rows.conftest import RULES
from tests.servers.postgres import TEMPLATE_TENANT, PostgresServer
from tests.servers.shared import ROOT
from tests.upgrade.history import HISTORIES, MIGRATIONS, HistoryTooShortError, before_the_last_migration, git

pytestmark = [pytest.mark.upgrade, pytest.mark.timeout(600)]


@pytest.fixture
def old_code(tmp_path: Path) -> dict[str, str]:
    """The environment in which `python -m openiwd` is the old one."""
    try:
        commit = before_the_last_migration(ROOT)
        packed = git(ROOT, "archive", "--format=tar", commit, "src")
    except HistoryTooShortError as error:
        pytest.fail(str(error))
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(tmp_path / "old", filter="data")
    source = tmp_path / "old" / "src"
    old, new = (
        {
            str(p.relative_to(folder))
            for history in HISTORIES
            for p in (folder / MIGRATIONS / history).glob("*.sql")
        }
        for folder in (tmp_path / "old", ROOT)
    )
    assert old < new, "it knows less"
    environment = {"PYTHONPATH": str(source)}
    found = subprocess.run(
        [sys.executable, "-c", "import openiwd; print(openiwd.__file__)"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.startswith(str(source)), "the old code is what runs"
    return environment


def work(process: Process, keys: dict[str, str], name: str) -> str:
    """An item comes in, is offered, accepted and completed by this process."""
    until("it decides", process.decides, READY_SECONDS)
    process.open_stream(keys["ann"])
    make_ready(process, keys["ann"])
    with process.client(keys["admin"]) as http:
        item = new_item(http, name)
    (offer,) = until("the offer", lambda: offers_of(process, keys["ann"]), 60)
    with process.client(keys["ann"]) as http:
        assert http.post(f"/offers/{offer['id']}/accept").status_code == 200
        assert http.post(f"/items/{item}/complete", json={}).status_code == 200
    with process.client(keys["admin"]) as http:
        assert http.get(f"/items/{item}").json()["status"] == "completed"
        assert len(http.get(f"/items/{item}/history").json()["events"]) >= 4
    return item


async def test_old_code_on_new_schema_and_back(
    old_code: dict[str, str], postgres_server: PostgresServer, control_database: str, tmp_path: Path
) -> None:
    database = await postgres_server.create_database(TEMPLATE_TENANT)
    keys = await prepare(control_database, database, RULES, {"ann": Capacity(2)})
    site = Site(control_database, postgres_server.dsn(database), keys, tmp_path)
    try:
        old = site.start("serve", environment=old_code)
        first = work(old, keys, "by the old code")
        new = site.start("serve")
        old.kill()
        second = work(new, keys, "by the new code")
        again = site.start("serve", environment=old_code)
        new.kill()
        third = work(again, keys, "by the old code again")
        with again.client(keys["admin"]) as http:
            for item in (first, second, third):
                assert http.get(f"/items/{item}").json()["status"] == "completed"
    finally:
        site.kill_all()
        await postgres_server.drop_database(database)
