"""Row d3: the server as `openiwd serve` runs it, deciding, and further agents' streams simulated inside of it.

A simulated stream is the server's own generator without a socket. Prints where it listens once it decides.
"""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
from contextlib import suppress

import msgspec
import uvloop

from benchmarks.backlog.stored import Stored, tenant_of
from openiwd.api.stream import live
from openiwd.domain.privilege import Caller, Role, role_privileges
from openiwd.domain.rate_limit import Limits
from openiwd.processes.logs import configure_logs
from openiwd.processes.serve import Serving
from openiwd.processes.wiring import Wiring
from openiwd.usecases.platform import TenantServices

FILES = 60_000


class Options(msgspec.Struct, frozen=True):
    stored: Stored
    simulate_from: int
    simulate_to: int
    """Agents of these numbers have a stream inside of the server."""


class Ready(msgspec.Struct, frozen=True):
    port: int


def raise_file_limit() -> int:
    """As many open files as are needed, or as many as are allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else max(hard, FILES)
    with suppress(ValueError, PermissionError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return max(soft, hard)


async def _listen(services: TenantServices, number: int) -> None:
    agent_id = f"agent{number:05}"
    caller = Caller(
        tenant_id=services.tenant.id,
        actor=f"agent:{agent_id}",
        name=agent_id,
        role=Role.AGENT,
        privileges=role_privileges(Role.AGENT, grouped=False),
        agent_id=agent_id,
    )
    async for _ in live(services, caller, None, ["offers"]):
        pass


async def _serve(options: Options) -> None:
    configure_logs("warning")
    raise_file_limit()
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    wiring = Wiring(
        options.stored.control_dsn, budget=15, limits=Limits(user=None)
    )  # what is served is measured
    serving = Serving(wiring, host="127.0.0.1", port=0, metrics_port=None)
    await serving.start()
    services = await wiring.platform.services(tenant_of(options.stored.tenant).id)
    simulated = [
        loop.create_task(_listen(services, n)) for n in range(options.simulate_from, options.simulate_to)
    ]
    while services.decider is None:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.05)
    sys.stdout.write(msgspec.json.encode(Ready(int(serving.url.rpartition(":")[2]))).decode() + "\n")
    sys.stdout.flush()
    await stopping.wait()
    for one in simulated:
        one.cancel()
    await asyncio.gather(*simulated, return_exceptions=True)
    await serving.stop()


if __name__ == "__main__":
    uvloop.run(_serve(msgspec.json.decode(sys.argv[1], type=Options)))
