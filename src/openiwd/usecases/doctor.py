"""The doctor: one registry of checks, each bounded in time; what fails says so itself and never breaks the others.

A check reads its figures here and leaves all judgement to `domain.doctor`. Extensions add theirs by `register`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from openiwd.domain.doctor import connection_check, router_check, system_check, work_check
from openiwd.domain.doctor.finding import CheckResult, CheckState, Finding, Severity, finding, in_order
from openiwd.domain.errors import ForbiddenError, OpenIwdError
from openiwd.domain.privilege import Caller, Scope
from openiwd.usecases import doctor_check

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform, TenantServices

AT_ONCE: Final = 3
KEPT_SECONDS: Final = 10.0
"""A report so young is shown again: many may look at once."""
CHECK_FAILED: Final = "checkFailed"

Check = Callable[[doctor_check.Examination], Awaitable[Sequence[Finding]]]


class Registered(Struct, frozen=True):
    """A check; `privilege` is needed to see what it finds. `seconds` is all the time it has."""

    name: str
    run: Check
    privilege: str = "dashboard.view"
    seconds: float = 5.0


def registry() -> dict[str, Registered]:
    """The checks of every installation, in their order."""
    checks = [
        Registered(work_check.ELIGIBILITY, doctor_check.eligibility, seconds=10.0),
        Registered(work_check.LATE, doctor_check.late),
        Registered(work_check.AGENTS, doctor_check.agents, "agents.view", seconds=10.0),
        Registered("rules", doctor_check.rules, "categories.view", seconds=20.0),
        Registered(system_check.PROCESSES, doctor_check.processes),
        Registered(system_check.LOG, doctor_check.log_and_index, "audit.view"),
        Registered(system_check.RUNS, doctor_check.runs),
        Registered(system_check.KEYS, doctor_check.keys, "apiKeys.view"),
        Registered(system_check.DATABASE, doctor_check.database, "audit.view"),
        Registered(router_check.ROUTERS, doctor_check.routers),
        Registered(connection_check.MART, doctor_check.data_mart),
        Registered(connection_check.MAILBOXES, doctor_check.mailboxes, "mailboxes.view"),
        Registered(connection_check.CAPTURE_POINTS, doctor_check.capture_points, "capturePoints.view"),
    ]
    return {check.name: check for check in checks}


class Report(Struct, kw_only=True, rename="camel"):
    """What the doctor has found, the worst first. `counts` has every severity."""

    at: datetime
    tenant: str
    counts: dict[str, int]
    checks: list[CheckResult]
    findings: list[Finding]

    @property
    def worst(self) -> Severity | None:
        return self.findings[0].severity if self.findings else None


class Doctor:
    """The checks of this process, and its latest reports."""

    def __init__(self) -> None:
        self.checks = registry()
        self._latest: dict[str, tuple[float, Report]] = {}
        self._asking: dict[str, asyncio.Lock] = {}

    def register(self, check: Registered) -> None:
        """Adds a check, or puts it in the place of the one with its name (an area that is installed now)."""
        self.checks[check.name] = check

    def latest(self, tenant_id: str) -> Report | None:
        """The latest report of this process, however old; metrics show it."""
        kept = self._latest.get(tenant_id)
        return None if kept is None else kept[1]

    async def report(
        self, platform: Platform, services: TenantServices, within: float = KEPT_SECONDS
    ) -> Report:
        """All checks, for OpenIWD itself; one that is not older than `within` seconds is given again."""
        tenant_id = services.tenant.id
        async with self._asking.setdefault(tenant_id, asyncio.Lock()):
            kept = self._latest.get(tenant_id)
            if kept is not None and time.monotonic() - kept[0] < within:
                return kept[1]
            report = await self._examine(platform, services)
            self._latest[tenant_id] = (time.monotonic(), report)
            return report

    async def report_for(
        self, platform: Platform, services: TenantServices, caller: Caller, within: float = KEPT_SECONDS
    ) -> Report:
        """What of it the caller may see: figures of the whole tenant are not for members of access groups."""
        require(caller)
        whole = await self.report(platform, services, within)
        seen = {name for name, check in self.checks.items() if caller.may(check.privilege)}
        return _report(
            whole.at,
            whole.tenant,
            [c for c in whole.checks if c.check in seen],
            [f for f in whole.findings if f.check in seen],
        )

    async def _examine(self, platform: Platform, services: TenantServices) -> Report:
        examination = await doctor_check.Examination.begin(platform, services)
        turn = asyncio.Semaphore(AT_ONCE)
        done = await asyncio.gather(*(_made(check, examination, turn) for check in self.checks.values()))
        results = [result for result, _ in done]
        found = [one for _, findings in done for one in findings]
        return _report(examination.now, services.tenant.id, results, found)


def require(caller: Caller) -> None:
    """Who may see the doctor: who sees dashboards, and all items."""
    caller.require("dashboard.view")
    if caller.require("workitems.search") is not Scope.ALL:
        raise ForbiddenError(
            "the doctor shows the whole tenant", code="wholeTenant", hint="ask somebody who may see all items"
        )


def may_see(caller: Caller) -> bool:
    """Whether `require` lets the caller through."""
    return caller.may("dashboard.view") and caller.privileges.get("workitems.search") is Scope.ALL


def _report(at: datetime, tenant: str, checks: list[CheckResult], findings: list[Finding]) -> Report:
    counts = {s.value: sum(1 for f in findings if f.severity is s) for s in Severity}
    return Report(at=at, tenant=tenant, counts=counts, checks=checks, findings=in_order(findings))


async def _made(
    check: Registered, examination: doctor_check.Examination, turn: asyncio.Semaphore
) -> tuple[CheckResult, Sequence[Finding]]:
    async with turn:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(check.seconds):
                found = await check.run(examination)
            state = CheckState.DONE
        except TimeoutError:
            found, state = (
                [_failed(check.name, f"it took longer than {check.seconds:g} s")],
                CheckState.FAILED,
            )
        except (OpenIwdError, OSError) as error:
            found, state = [_failed(check.name, str(error) or type(error).__name__)], CheckState.FAILED
        except Exception as error:  # noqa: BLE001 - one check must not break the others, and it is told
            found, state = [_failed(check.name, f"{type(error).__name__}: {error}")], CheckState.FAILED
        taken = round((time.perf_counter() - began) * 1_000)
    return CheckResult(check=check.name, state=state, findings=len(found), milliseconds=taken), found


def _failed(name: str, reason: str) -> Finding:
    return finding(name, CHECK_FAILED, Severity.WARNING, about=name, name=name, reason=reason[:300])
