"""The folders of a file capture point: takes files in, and puts them away. Never leaves its folder, never follows a
link.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from openiwd.domain.errors import InvalidInputError, UnavailableError

INBOUND: Final = "inbound"
PROCESSED: Final = "processed"
PARTIAL: Final = "partially-processed"
ERROR: Final = "error"
NOTIFICATION: Final = "notification"
TAKEN: Final = ".taken"
"""Files that are being read: whoever takes over goes on with these first."""
FOLDERS: Final = (INBOUND, PROCESSED, PARTIAL, ERROR, NOTIFICATION, TAKEN)
_UNREADY: Final = (".tmp", ".part", ".partial", ".filepart", ".crdownload", ".swp", "~")
_TAKEN: Final = re.compile(r"([0-9a-f]{16})~(.+)", re.DOTALL)
_OWN_MARK: Final = re.compile(r"\.[0-9a-f]{16}$")
LONGEST_NAME: Final = 180
"""Bytes of a name: marks and endings are added to it, and a file system takes 255."""
LONGEST_ENDING: Final = 10


def told_name(name: str) -> str:
    """A file's name as it is told, stored and put away: text in any case, and short enough for what is added to it.

    What is no UTF-8 is taken as Windows-1252, as the content of tables is.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        name = os.fsencode(name).decode("cp1252", "replace")
    if len(name.encode()) <= LONGEST_NAME:
        return name
    ending = _ending(name)
    return _cut(name.removesuffix(ending), LONGEST_NAME - len(ending.encode())) + ending


def _ending(name: str) -> str:
    suffix = Path(name).suffix
    return suffix if len(suffix) <= LONGEST_ENDING else ""


def _cut(text: str, most: int) -> str:
    """At most so many bytes of it."""
    return text.encode()[:most].decode(errors="ignore")


class TakenFile(NamedTuple):
    """A file that is being read."""

    token: str
    """Of this drop: the same name dropped again is another file."""
    name: str
    path: Path

    @property
    def stream(self) -> str:
        return f"{self.token}~{self.name}"[:200]


@contextmanager
def within_reach() -> Iterator[None]:
    """What the file system refuses is a source that is away."""
    try:
        yield
    except OSError as error:
        raise UnavailableError(
            f"the folder cannot be used: {error.strerror or error} ({Path(error.filename or '').name})",
            hint="check that it exists, is writable, and has space",
        ) from error


class Folder:
    """One capture point's folder, below the root that the installation gives."""

    def __init__(self, root: Path, *parts: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.path = root.joinpath(*parts)
        self._root = root
        self._monotonic = monotonic
        self._sizes: dict[str, tuple[int, int, float]] = {}

    def prepare(self) -> None:
        """Makes what is missing; refuses a folder that leads out of the root."""
        with within_reach():
            for name in FOLDERS:
                (self.path / name).mkdir(parents=True, exist_ok=True)
                if not (self.path / name).resolve().is_relative_to(self._root.resolve()):
                    raise InvalidInputError(
                        f"'{self.path.name}/{name}' leads out of the folder of capture points",
                        field="source.folder",
                        hint="remove the link",
                        code="outside",
                    )

    def waiting(self) -> int:
        """How many files lie in the inbound folder."""
        with within_reach(), os.scandir(self.path / INBOUND) as entries:
            return sum(1 for entry in entries if _is_ready_name(entry.name))

    def left(self) -> list[TakenFile]:
        """Files that a reader before has taken and not put away, oldest first."""
        with within_reach():
            found = [(f.stat().st_mtime_ns, f) for f in (self.path / TAKEN).iterdir()]
        files = []
        for _, path in sorted(found):
            match = _TAKEN.fullmatch(path.name)
            if match is not None and not path.is_symlink():
                files.append(TakenFile(match[1], told_name(match[2]), path))
        return files

    def take(self, settle_seconds: float) -> TakenFile | None:
        """Takes the oldest inbound file whose size has stood still; from now on it is nobody else's."""
        with within_reach():
            name = self._settled(settle_seconds)
            if name is None:
                return None
            taken = TakenFile(secrets.token_hex(8), told_name(name), self.path / TAKEN)
            path = taken.path / f"{taken.token}~{taken.name}"
            try:
                (self.path / INBOUND / name).rename(path)
            except FileNotFoundError:  # taken back meanwhile
                return None
            for folder in (TAKEN, INBOUND):
                _sync(self.path / folder)
            self._sizes.pop(name, None)
            return taken._replace(path=path)

    def _settled(self, settle_seconds: float) -> str | None:
        now = self._monotonic()
        sizes: dict[str, tuple[int, int, float]] = {}
        oldest: tuple[int, str] | None = None
        with os.scandir(self.path / INBOUND) as entries:
            for entry in entries:
                if not _is_ready_name(entry.name) or not entry.is_file(follow_symlinks=False):
                    continue
                stat = entry.stat(follow_symlinks=False)
                before = self._sizes.get(entry.name)
                same = before is not None and before[:2] == (stat.st_size, stat.st_mtime_ns)
                since = before[2] if before is not None and same else now
                sizes[entry.name] = (stat.st_size, stat.st_mtime_ns, since)
                if now - since >= settle_seconds:
                    key = (stat.st_mtime_ns, entry.name)
                    oldest = key if oldest is None else min(oldest, key)
        self._sizes = sizes
        return None if oldest is None else oldest[1]

    def open(self, file: TakenFile) -> IO[bytes]:
        with within_reach():
            return os.fdopen(os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW), "rb")

    def spool(self, file: TakenFile, kind: str) -> Path:
        """Where something is gathered while the file is read."""
        return self.path / TAKEN / f".{file.token}.{kind}"

    def marked(self, file: TakenFile, ending: str = "") -> str:
        """The file's name with the mark of this drop, so that nothing that lies there is overwritten."""
        suffix = _ending(file.name)
        stem = _cut(_OWN_MARK.sub("", file.name.removesuffix(suffix)), LONGEST_NAME)
        return f"{stem}.{file.token}{suffix}{ending}"

    def write(self, folder: str, name: str, fill: Callable[[IO[bytes]], None]) -> None:
        """A whole file or none: written aside, then renamed."""
        with within_reach():
            target = self.path / folder / name
            aside = target.with_name(f".{name}.tmp")
            with aside.open("wb") as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            aside.rename(target)
            _sync(target.parent)

    def put_away(self, file: TakenFile, folder: str) -> None:
        """Moves a file that is done to where it belongs; harmless when it lies there already."""
        with within_reach():
            if file.path.exists():
                file.path.rename(self.path / folder / self.marked(file))
                _sync(self.path / folder)
            for spool in (self.path / TAKEN).glob(f".{file.token}.*"):
                spool.unlink(missing_ok=True)


def _is_ready_name(name: str) -> bool:
    return not name.startswith((".", "~$")) and not name.casefold().endswith(_UNREADY)


def _sync(folder: Path) -> None:
    """A rename outlasts a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
