"""The embedded server as root and as a normal user: start, stop, crashes, orphans, foreign folders."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import asyncpg
import psutil
import pytest

from openiwd.adapters.embedded_postgres import EmbeddedPostgresError, default_data_dir
from openiwd.adapters.embedded_postgres.account import SYSTEM_DIR, SYSTEM_USER, server_account
from openiwd.adapters.embedded_postgres.cluster import data_argument
from openiwd.adapters.embedded_postgres.orphan import is_alive, servers_of
from tests.servers import embedded_host
from tests.servers.postgres import in_a_loop_of_its_own
from tests.servers.until import until

IS_ROOT = os.geteuid() == 0
PACKAGES = ("embedded_postgres", "embedded_postgres.libs", "asyncpg", "psutil", "msgspec", "openiwd")
needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root can lend the server another account")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter."""
    folder = Path(mkdtemp(prefix="openiwd-test-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def portable_python() -> Iterator[Path]:
    """A copy of this Python with what the embedded server needs, which any user can run.

    The one that runs the tests may lie in a private home.
    """
    kit = Path(mkdtemp(prefix="openiwd-test-python-", dir="/tmp"))
    kit.chmod(0o755)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = Path(sys.base_prefix)
    (kit / "bin").mkdir()
    shutil.copy(os.path.realpath(sys.executable), kit / "bin" / "python")
    skip = shutil.ignore_patterns(
        "site-packages", "test", "tests", "idlelib", "tkinter", "ensurepip", "config-*"
    )
    shutil.copytree(base / "lib" / version, kit / "lib" / version, ignore=skip)
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy(library, kit / "lib")
    for package in PACKAGES:
        for parent in map(Path, sys.path):
            if (parent / package).is_dir():
                shutil.copytree(parent / package, kit / "packages" / package)
                break
    shutil.copy(embedded_host.__file__, kit / "host.py")
    subprocess.run(["chmod", "-R", "u+w,go+rX", kit], check=True)
    yield kit
    shutil.rmtree(kit)


@dataclass
class Host:
    """A parent process with its embedded server."""

    process: subprocess.Popen[bytes]
    answer: dict[str, Any] = field(default_factory=dict)

    def answered(self) -> Host:
        assert self.process.stdout is not None
        self.answer = json.loads(self.process.stdout.readline() or b"{}")
        return self

    @property
    def dsn(self) -> str:
        assert "dsn" in self.answer, self.answer
        return str(self.answer["dsn"])

    @property
    def server(self) -> psutil.Process:
        return psutil.Process(self.answer["pid"])

    @property
    def socket_dir(self) -> Path:
        return Path(self.dsn.partition("host=")[2].partition("&")[0])

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        code = self.process.wait(60)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


Begin = Callable[..., Host]


@dataclass(frozen=True)
class Person:
    """Who runs OpenIWD in a test: root, or a normal user."""

    uid: int
    gid: int
    command: tuple[str, ...]
    environment: dict[str, str]

    @property
    def is_root(self) -> bool:
        return self.uid == 0

    def own(self, folder: Path, mode: int = 0o700) -> Path:
        folder.mkdir(mode=mode)
        os.chown(folder, self.uid, self.gid)
        return folder

    def popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        lent: dict[str, Any] = {}
        if IS_ROOT and not self.is_root:
            lent = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return subprocess.Popen(command, cwd="/", start_new_session=True, **lent, **options)

    def server_uid(self) -> int:
        return pwd.getpwnam(SYSTEM_USER).pw_uid if self.is_root else self.uid


@pytest.fixture(params=[pytest.param("root", marks=needs_root), "user"])
def person(request: pytest.FixtureRequest) -> Person:
    if request.param == "root" or not IS_ROOT:
        path = os.pathsep.join(entry for entry in sys.path if entry)
        return Person(
            os.geteuid(),
            os.getegid(),
            (sys.executable, embedded_host.__file__),
            dict(os.environ, PYTHONPATH=path),
        )
    return unprivileged(request.getfixturevalue("portable_python"))


def unprivileged(kit: Path) -> Person:
    nobody = pwd.getpwnam("nobody")
    environment = {
        "PYTHONHOME": str(kit),
        "PYTHONPATH": str(kit / "packages"),
        "LD_LIBRARY_PATH": str(kit / "lib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = (str(kit / "bin" / "python"), str(kit / "host.py"))
    return Person(nobody.pw_uid, nobody.pw_gid, command, environment)


@pytest.fixture
def begin(person: Person, place: Path) -> Iterator[Begin]:
    """Starts a parent process with its embedded server; whatever is left over is ended after the test."""
    with beginning(person) as start:
        yield start


@contextmanager
def beginning(default: Person) -> Iterator[Begin]:
    hosts: list[Host] = []
    folders: set[Path] = set()

    def start(data_dir: Path, *, person: Person = default, **options: Any) -> Host:
        folders.add(data_dir)
        command = [*person.command, json.dumps({"data_dir": str(data_dir), **options})]
        hosts.append(Host(person.popen(command, env=person.environment, stdout=subprocess.PIPE)))
        return hosts[-1]

    try:
        yield start
    finally:
        for host in hosts:
            if host.process.poll() is None:
                host.end(signal.SIGKILL)
            elif host.process.stdout is not None:
                host.process.stdout.close()
        left = [process for folder in folders for process in servers_of(folder / "postgres")]
        for process in left:
            process.kill()
        wait_until(lambda: all(is_gone(process) for process in left))
        for host in hosts:
            if "dsn" in host.answer:
                shutil.rmtree(host.socket_dir, ignore_errors=True)


def wait_until(condition: Callable[[], object]) -> None:
    in_a_loop_of_its_own(until(condition))


def query(dsn: str, sql: str) -> Any:
    async def run() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return in_a_loop_of_its_own(run())


def modes(*roots: Path) -> dict[str, tuple[int, int, int]]:
    """Mode and owner of each folder on the way to `roots` and of all that is in them."""
    found = {}
    for root in roots:
        for path in [root, *root.parents, *root.rglob("*")]:
            status = path.lstat()
            found[str(path)] = (status.st_mode, status.st_uid, status.st_gid)
    return found


def without_caches(found: dict[str, tuple[int, int, int]]) -> dict[str, tuple[int, int, int]]:
    return {path: each for path, each in found.items() if "__pycache__" not in path}


def is_gone(process: psutil.Process) -> bool:
    return not is_alive(process)


def test_data_survive_a_stop_and_a_start(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    host = begin(data).answered()
    assert query(host.dsn, "SELECT current_setting('listen_addresses')") == ""
    for setting, value in {"fsync": "on", "synchronous_commit": "on", "TimeZone": "UTC"}.items():
        assert query(host.dsn, f"SELECT current_setting('{setting}')") == value
    query(host.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    server = host.server
    assert server.uids().effective == person.server_uid()
    assert all(
        each.status != psutil.CONN_LISTEN or each.family == socket.AF_UNIX
        for each in server.net_connections()
    )
    socket_dir = host.socket_dir
    assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert (data / "postgres.password").stat().st_mode & 0o777 == 0o600
    assert (data / "postgres").stat().st_mode & 0o777 == 0o700
    assert os.getsid(server.pid) != os.getsid(host.process.pid)

    assert host.end(signal.SIGINT) == 130
    assert is_gone(server)
    assert not socket_dir.exists()
    assert not (data / "postgres" / "postmaster.pid").exists()
    assert "database system is shut down" in (data / "postgres.log").read_text()

    assert query(begin(data).answered().dsn, "SELECT n FROM kept") == 42


def test_nobody_comes_in_without_the_password(begin: Begin, person: Person, place: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = person.own(place / "data")
    host = begin(data, port=port).answered()
    password = (data / "postgres.password").read_text().strip()
    by_tcp = f"postgresql://openiwd:{{}}@127.0.0.1:{port}/postgres?sslmode=disable"
    by_socket = f"postgresql://openiwd:{{}}@/postgres?host={host.socket_dir}&port={port}"
    for dsn in (by_tcp, by_socket):
        assert query(dsn.format(password), "SELECT current_user") == "openiwd"
        with pytest.raises(asyncpg.InvalidPasswordError):
            query(dsn.format("wrong"), "SELECT 1")
    methods = query(host.dsn, "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules")
    assert methods == "scram-sha-256"


def test_no_foreign_folder_changes_its_mode(begin: Begin, person: Person, place: Path) -> None:
    home = person.own(place / "home", 0o700)
    work = person.own(home / "work", 0o750)
    (work / "file").write_text("mine")
    system = place / "system"
    system.mkdir(mode=0o755)
    before = modes(work)
    host = begin(home / ".local" / "share" / "openiwd", system_dir=str(system)).answered()
    assert query(host.dsn, "SELECT 1") == 1
    assert query(host.dsn, "CREATE DATABASE other") is None
    host.end()
    after = modes(work)
    assert after == before
    assert home.stat().st_mode & 0o777 == 0o700
    assert begin(home / ".local" / "share" / "openiwd", system_dir=str(system)).answered().end() == 130
    assert modes(work) == before
    assert any(system.iterdir()) == person.is_root


@needs_root
def test_programs_in_a_private_home_are_copied_out_of_it(place: Path, portable_python: Path) -> None:
    home = place / "home"
    home.mkdir(mode=0o700)
    shutil.copytree(portable_python / "packages", home / "packages", symlinks=True)
    system = place / "system" / "openiwd"
    root = Person(
        0, 0, (sys.executable, embedded_host.__file__), dict(os.environ, PYTHONPATH=str(home / "packages"))
    )
    before = modes(home)
    with beginning(root) as begin:
        host = begin(place / "data", system_dir=str(system)).answered()
        assert query(host.dsn, "SELECT 1") == 1
        assert Path(host.server.exe()).is_relative_to(system)
        host.end()
        (copy,) = system.iterdir()
        unchanged = modes(copy)
        host = begin(place / "data", system_dir=str(system)).answered()
        assert query(host.dsn, "SELECT 1") == 1
        assert modes(copy) == unchanged
    assert without_caches(modes(home)) == without_caches(before)


@needs_root
def test_root_runs_the_server_as_the_owner_of_existing_data(place: Path, portable_python: Path) -> None:
    user = unprivileged(portable_python)
    root = Person(
        0, 0, (sys.executable, embedded_host.__file__), dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path))
    )
    with beginning(user) as begin:
        data = user.own(place / "data")
        host = begin(data).answered()
        query(host.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
        host.end()
        host = begin(data, person=root).answered()
        assert query(host.dsn, "SELECT n FROM kept") == 42
        assert host.server.uids().effective == user.uid
        host.end()
        assert query(begin(data).answered().dsn, "SELECT n FROM kept") == 42


@needs_root
def test_a_closed_way_without_the_working_folder_is_named(place: Path) -> None:
    private = place / "private"
    private.mkdir(mode=0o700)
    account = server_account(private / "data" / "postgres")
    assert data_argument(place / "postgres", account) == str(place / "postgres")
    with pytest.raises(EmbeddedPostgresError) as raised:
        data_argument(private / "data" / "postgres", account, in_place=Path("/no-such-folder"))
    assert str(private) in raised.value.message
    assert raised.value.hint is not None
    assert f"chmod o+x {private}" in raised.value.hint


def test_an_orphan_of_a_killed_parent_makes_way(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    first = begin(data).answered()
    query(first.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    orphan, socket_dir = first.server, first.socket_dir
    first.end(signal.SIGKILL)
    assert query(first.dsn, "SELECT n FROM kept") == 42

    second = begin(data).answered()
    assert query(second.dsn, "SELECT n FROM kept") == 42
    assert is_gone(orphan)
    assert not socket_dir.exists()
    assert [each.pid for each in servers_of(data / "postgres") if each.ppid() == second.process.pid] == [
        second.server.pid
    ]


def test_what_was_committed_survives_a_kill_of_everything(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    host = begin(data).answered()
    query(host.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    everything = servers_of(data / "postgres")
    assert len(everything) > 1
    host.end(signal.SIGKILL)
    for process in everything:
        if process.is_running():
            process.kill()
    wait_until(lambda: all(is_gone(each) for each in everything))
    assert (data / "postgres" / "postmaster.pid").exists()
    assert query(begin(data).answered().dsn, "SELECT n FROM kept") == 42


def test_a_killed_postmaster_whose_sessions_live_on(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    host = begin(data).answered()
    query(host.dsn, "CREATE TABLE kept AS SELECT 42 AS n")
    everything = servers_of(data / "postgres")
    # A stopped process cannot notice that its postmaster is gone.
    (checkpointer,) = [each for each in everything if "checkpointer" in " ".join(each.cmdline())]
    checkpointer.suspend()
    host.server.kill()
    host.end(signal.SIGKILL)
    assert query(begin(data).answered().dsn, "SELECT n FROM kept") == 42
    assert is_gone(checkpointer)


def test_a_process_id_given_to_somebody_else_is_left_alone(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    begin(data).answered().end()
    stranger = person.popen(["sleep", "600"])
    try:
        pid_file = data / "postgres" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{data / 'postgres'}\n0\n5432\n{place / 'openiwd-none'}\n\n")
        os.chown(pid_file, person.server_uid(), -1)
        assert query(begin(data).answered().dsn, "SELECT 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_second_parent_is_refused_and_the_first_goes_on(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    first = begin(data).answered()
    second = begin(data).answered()
    assert second.answer["error"] == "dataInUse"
    assert str(first.process.pid) in second.answer["message"]
    assert str(data) in second.answer["message"]
    assert query(first.dsn, "SELECT 1") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_creation_is_begun_anew(
    begin: Begin, person: Person, place: Path, number: signal.Signals
) -> None:
    data = person.own(place / "data")
    host = begin(data)
    wait_until(lambda: list(data.glob("postgres.partial-*/PG_VERSION")))
    host.end(number)
    assert not (data / "postgres").exists()
    if number == signal.SIGINT:
        assert not list(data.glob("postgres.partial-*"))
    assert query(begin(data).answered().dsn, "SELECT 1") == 1
    assert not list(data.glob("postgres.partial-*"))


def test_data_of_another_major_version_are_refused(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    begin(data).answered().end()
    (data / "postgres" / "PG_VERSION").write_text("17\n")
    answer = begin(data).answered().answer
    assert "come from PostgreSQL 17" in answer["message"]


def test_a_lost_password_is_said_so(begin: Begin, person: Person, place: Path) -> None:
    data = person.own(place / "data")
    begin(data).answered().end()
    (data / "postgres.password").unlink()
    answer = begin(data).answered().answer
    assert str(data / "postgres.password") in answer["message"]
    assert not servers_of(data / "postgres")


@needs_root
def test_a_folder_of_somebody_else_is_refused(place: Path, portable_python: Path) -> None:
    (place / "closed").mkdir(mode=0o755)
    with beginning(unprivileged(portable_python)) as begin:
        for folder in (place / "closed", place / "closed" / "deeper"):
            assert str(folder) in begin(folder).answered().answer["message"]


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    if IS_ROOT:
        assert default_data_dir({}) == SYSTEM_DIR / "default"
    else:
        assert default_data_dir({}) == Path("/home/ada/.local/share/openiwd/default")
        assert default_data_dir({"XDG_DATA_HOME": "/data/ada"}) == Path("/data/ada/openiwd/default")
