"""What one process serves with. It comes with each request, so that the framework, which is dear to build, knows no
process: it is built once per interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from litestar.connection import ASGIConnection

from openiwd.ports.holiday_source import HolidaySource
from openiwd.usecases.platform import Platform, TenantServices

if TYPE_CHECKING:
    from openiwd.api.health import Readiness
    from openiwd.api.metrics import Metrics

KEY: Final = "openiwd_process"
"""Of an ASGI scope."""


@dataclass(frozen=True)
class Process:
    platform: Platform
    holidays: HolidaySource | None
    metrics: Metrics
    readiness: Readiness
    start_bulk: Callable[[TenantServices, UUID], None]
    """Begins a stored bulk run in this process."""


def process_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Process:
    """The process that answers this request."""
    process: Process = connection.scope[KEY]  # type: ignore[typeddict-item]
    return process
