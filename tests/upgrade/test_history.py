"""The code before the last migration is found in whole and in shallow clones, or it is said what lacks."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.upgrade.history import MIGRATIONS, HistoryTooShortError, before_the_last_migration

ALONE = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0"}


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit(folder: Path, **files: str | None) -> str:
    """Files of the tenants' migrations by name, made, or taken away (None); the commit's name."""
    for name, text in files.items():
        path = folder / MIGRATIONS / "tenant" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink() if text is None else path.write_text(text)
    beside = folder / "beside"
    beside.write_text(beside.read_text() + "x" if beside.exists() else "x")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "--quiet")
    commit(folder, m0001="one")
    return folder


def test_the_newest_that_knew_less(origin: Path) -> None:
    commit(origin, m0002="two")
    before = commit(origin)
    commit(origin, m0003="three")
    commit(origin, m0003="mended")
    commit(origin)
    assert before_the_last_migration(origin) == before


def test_what_a_branch_called_its_own_is_not_todays(origin: Path) -> None:
    first = git(origin, "rev-parse", "HEAD")
    commit(origin, m0002_b="of the branch")
    commit(origin, m0002_b=None, m0003_b="of the branch", m0002_a="of another")
    assert before_the_last_migration(origin) == first


def test_a_migration_that_is_not_committed_yet(origin: Path) -> None:
    before = commit(origin, m0002="two")
    (origin / MIGRATIONS / "tenant" / "m0003.sql").write_text("three")
    assert before_the_last_migration(origin) == before


def test_a_shallow_clone_fetches_what_it_lacks(origin: Path, tmp_path: Path) -> None:
    before = commit(origin, m0002="two")
    commit(origin, m0003="three")
    commit(origin)
    git(tmp_path, "clone", "--quiet", "--depth", "1", origin.as_uri(), "shallow")
    shallow = tmp_path / "shallow"
    assert git(shallow, "rev-parse", "--is-shallow-repository") == "true"
    assert before_the_last_migration(shallow) == before
    assert git(shallow, "status", "--porcelain") == ""


def test_without_an_origin_it_is_said_what_to_do(origin: Path, tmp_path: Path) -> None:
    commit(origin, m0002="two")
    git(tmp_path, "clone", "--quiet", "--depth", "1", origin.as_uri(), "shallow")
    shallow = tmp_path / "shallow"
    git(shallow, "remote", "set-url", "origin", (tmp_path / "gone").as_uri())
    with pytest.raises(HistoryTooShortError, match=r"git fetch --unshallow"):
        before_the_last_migration(shallow)


def test_a_history_of_one_commit(origin: Path) -> None:
    with pytest.raises(HistoryTooShortError, match="no commit of this history"):
        before_the_last_migration(origin)


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(HistoryTooShortError, match="not a git repository"):
        before_the_last_migration(tmp_path)
