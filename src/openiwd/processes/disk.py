"""The doctor's look at the disk that the embedded database lies on."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from pathlib import Path

from openiwd.domain.doctor.finding import Finding
from openiwd.domain.doctor.system_check import DISK, disk_space
from openiwd.usecases.doctor import Registered
from openiwd.usecases.doctor_check import Examination


def disk_check(folder: Path) -> Registered:
    """A check of how much room is left where the folder lies."""

    async def run(_: Examination) -> Sequence[Finding]:
        usage = await asyncio.to_thread(shutil.disk_usage, folder)
        return disk_space(usage.free, usage.total)

    return Registered(DISK, run, "audit.view")
