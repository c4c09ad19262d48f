"""A disk of its own for PostgreSQL, which can be full: a tmpfs that is made as small as what lies on it.

Where no file system may be mounted it is an ordinary folder, which is never full; the run says so.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SIZE = "4g"
"""A limit, not what it takes."""


class Disk:
    """Mounted while it is used, where this is wanted and allowed."""

    def __init__(self, folder: Path, *, mount: bool) -> None:
        self.folder = folder
        folder.mkdir(mode=0o755)
        self.mounted = mount and _mount(["-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", str(folder)])

    def fill(self) -> None:
        """Not one more block can be had."""
        usage = os.statvfs(self.folder)
        used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
        self._resize(str(used))

    def free(self) -> None:
        self._resize(SIZE)

    def _resize(self, size: str) -> None:
        assert _mount(["-o", f"remount,size={size}", str(self.folder)])

    def remove(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


def _mount(arguments: list[str]) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
