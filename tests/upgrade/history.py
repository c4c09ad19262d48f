"""Finds in a repository's history the code before the last migration; a shallow clone gets what it lacks from where it
was cloned. Changes no file of the checkout.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

MIGRATIONS = "src/openiwd/adapters/postgres/migrations"
HISTORIES = ("tenant", "control")
FETCH_SECONDS = 240.0


class HistoryTooShortError(Exception):
    """No commit that knew less can be had."""


def git(root: Path, *arguments: str, seconds: float = 60.0) -> bytes:
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL
    )  # fmt: skip
    if done.returncode != 0:
        raise HistoryTooShortError(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def before_the_last_migration(root: Path) -> str:
    """The newest commit that knew some of today's migrations, all under their names of today, and not all of them.

    What branches called theirs before they were merged is neither.
    """
    now = {
        f"{history}/{path.name}"
        for history in HISTORIES
        for path in (root / MIGRATIONS / history).glob("*.sql")
    }
    found = next(_knowing_less(root, now), None)
    if found is None and git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        try:
            git(root, "fetch", "--quiet", "--unshallow", "--no-tags", seconds=FETCH_SECONDS)
        except (HistoryTooShortError, subprocess.TimeoutExpired) as error:
            raise HistoryTooShortError(
                "this clone is shallow, and the rest of its history cannot be fetched: give the checkout its history "
                f"(git fetch --unshallow; in CI a fetch depth of 0). {error}"
            ) from error
        found = next(_knowing_less(root, now), None)
    if found is None:
        raise HistoryTooShortError(
            "no commit of this history knew fewer migrations than there are: the upgrade is tested with the code "
            "of one that did, so it needs a clone with its history"
        )
    return found


def _knowing_less(root: Path, now: set[str]) -> Iterator[str]:
    """The newest first: the last commit, and parents of those that touched migrations."""
    places = [f"{MIGRATIONS}/{history}" for history in HISTORIES]
    log = git(root, "log", "--format=%P", "HEAD", "--", *places).decode()
    head = git(root, "rev-parse", "HEAD").decode().strip()  # a migration may not be committed yet
    for line in (head, *log.splitlines()):
        for commit in line.split():
            known = _known(root, commit)
            if known and known < now:
                yield commit


def _known(root: Path, commit: str) -> set[str]:
    listed = git(root, "ls-tree", "-r", "--name-only", commit, "--", MIGRATIONS).decode().splitlines()
    names = (name.removeprefix(f"{MIGRATIONS}/") for name in listed if name.endswith(".sql"))
    return {name for name in names if name.partition("/")[0] in HISTORIES}
