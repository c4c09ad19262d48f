"""What monitoring counts in a tenant's database. Judges nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from openiwd.adapters.postgres.connection import Connection
from openiwd.adapters.postgres.named_sql import named_sql
from openiwd.ports.figure import (
    ConnectionFigure,
    ConsumerFigure,
    Figures,
    OutboundFigure,
    QueueFigure,
    SecretFigure,
)

FIGURE_SQL: Final = named_sql("figure")


class FigureReading:
    """The part of `Reading` that monitoring needs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def figures(self, now: datetime) -> Figures:
        fetch = self._connection.fetch
        return Figures(
            queues=[QueueFigure(*r) for r in await fetch(FIGURE_SQL["queues"], now)],
            consumers=[ConsumerFigure(*r) for r in await fetch(FIGURE_SQL["consumers"], now)],
            connections=[ConnectionFigure(*r) for r in await fetch(FIGURE_SQL["connections"])],
            outbound=[OutboundFigure(*r) for r in await fetch(FIGURE_SQL["outbound"])],
            unknown_emails=await self._connection.fetchval(FIGURE_SQL["unknown_emails"]),
            secrets=[SecretFigure(*r) for r in await fetch(FIGURE_SQL["secret_ends"])],
        )
