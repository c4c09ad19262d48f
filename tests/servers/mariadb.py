"""A real MariaDB from Debian, one for a whole test run, in a folder and on a port of its own; a database per test."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from typing import Any

import pymysql
import pytest

from tests.servers.shared import Starting, answers, free_port, needed, shared

PACKAGE = "mariadb-server"
PASSWORD = "source"


def start(starting: Starting) -> dict[str, Any]:
    folder, port = starting.folder, free_port()
    data = folder / "data"
    subprocess.run(
        [
            needed("mariadb-install-db", PACKAGE), "--no-defaults", f"--datadir={data}", "--user=root",
            "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    process = starting.spawn(
        [
            needed("mariadbd", PACKAGE), "--no-defaults", f"--datadir={data}", "--user=root",
            "--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder}/socket", f"--pid-file={folder}/pid",
            "--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
        ],
        "log",
    )  # fmt: skip
    starting.wait(process, lambda: answers(port), "log")
    with (
        pymysql.connect(unix_socket=f"{folder}/socket", user="root") as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"CREATE USER 'source'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        cursor.execute("GRANT ALL ON *.* TO 'source'@'127.0.0.1' WITH GRANT OPTION")
    return {"port": port}


@pytest.fixture
def mariadb_url() -> Iterator[str]:
    """URL of a fresh database, without the password."""
    needed("mariadbd", PACKAGE)
    port = shared("mariadb", start)["port"]
    name = f"t{uuid.uuid4().hex[:12]}"
    with pymysql.connect(host="127.0.0.1", port=port, user="source", password=PASSWORD) as connection:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield f"mariadb://source@127.0.0.1:{port}/{name}?charset=utf8mb4"
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name}")
