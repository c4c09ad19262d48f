"""Which account the server runs under. PostgreSQL refuses root, so root lends it a system user of its own.

Never changes the mode or owner of a folder that it has not created.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError

SYSTEM_USER = "openiwd"
SYSTEM_DIR = Path("/var/lib/openiwd")
CLEAN_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


class SpawnOptions(TypedDict):
    user: int | None
    group: int | None
    extra_groups: list[int] | None
    umask: int
    env: dict[str, str]
    start_new_session: bool


@dataclass(frozen=True)
class Account:
    """The user and group of the server processes; `borrowed` when it is not ourselves (we are root)."""

    uid: int
    gid: int
    borrowed: bool

    def spawn_options(self) -> SpawnOptions:
        """Options of `subprocess.Popen` for a process of this account, in a session of its own."""
        return SpawnOptions(
            user=self.uid if self.borrowed else None,
            group=self.gid if self.borrowed else None,
            extra_groups=[] if self.borrowed else None,
            umask=0o077,
            env=CLEAN_ENVIRONMENT,
            start_new_session=True,
        )

    def give(self, path: Path | int) -> None:
        """Makes this account the owner of something that we have just created."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid)

    def first_blocked(self, folder: Path) -> Path | None:
        """The outermost folder on the way to `folder` that this account may not enter, if any."""
        if not self.borrowed:
            return None
        # The account itself tries, so that access lists count, not only the mode bits.
        way = [str(each) for each in reversed([folder, *folder.parents])]
        script = 'for d in "$@"; do [ -x "$d" ] || { printf %s "$d"; exit 0; }; done'
        found = subprocess.run(  # noqa: S603 - fixed script, the folders are its arguments
            ["/bin/sh", "-c", script, "sh", *way],
            check=True,
            capture_output=True,
            text=True,
            **self.spawn_options(),
        ).stdout
        return Path(found) if found else None


def server_account(cluster_dir: Path) -> Account:
    """Ourselves as a normal user; as root the owner of the existing data, else the system user."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), borrowed=False)
    if cluster_dir.exists() and (owner := cluster_dir.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid, borrowed=True)
    entry = _system_user() or _create_system_user()
    return Account(entry.pw_uid, entry.pw_gid, borrowed=True)


def _system_user() -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None


def _create_system_user() -> pwd.struct_passwd:
    common = ["--system", "--no-create-home", "--home-dir", str(SYSTEM_DIR), "--shell", "/usr/sbin/nologin"]
    search = os.defpath + ":/usr/sbin:/sbin"
    if useradd := shutil.which("useradd", path=search):
        command = [useradd, *common, "--user-group", SYSTEM_USER]
    elif adduser := shutil.which("adduser", path=search):
        command = [adduser, "-S", "-D", "-H", "-h", str(SYSTEM_DIR), "-s", "/sbin/nologin", SYSTEM_USER]
    else:
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and this system has neither useradd nor adduser.",
            hint=f"Create a system user named {SYSTEM_USER}, or start OpenIWD as a normal user.",
        )
    made = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - fixed arguments
    # Another start may have created the user at this very moment: its existence decides, not the exit code.
    if (entry := _system_user()) is None:
        raise EmbeddedPostgresError(
            f"The system user {SYSTEM_USER} cannot be created: {made.stderr.strip()}",
            hint=f"Create a system user named {SYSTEM_USER}, or start OpenIWD as a normal user.",
        )
    return entry
