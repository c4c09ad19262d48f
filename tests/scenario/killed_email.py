"""Reads and sends once and is killed after so many steps: `python -m tests.scenario.killed_email URL KEY HOLDER STEPS`.

Exit code 0: it came to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from uuid import UUID

from openiwd.adapters.iwd_http.http_iwd import HttpIwd
from tests.factories.dying_mail import Steps, live


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def _main(url: str, key: str, holder: str, steps: str) -> None:
    iwd = HttpIwd(url, key)
    await live(iwd, UUID(holder), Steps(int(steps), _die, every=False))
    await iwd.close()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
