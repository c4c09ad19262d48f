"""Reads agents from Info Mart's `RESOURCE_`: the columns that are there, in either letter case, read-only."""

from __future__ import annotations

import time
from typing import Any, Final

import asyncpg

from openiwd.domain.errors import InvalidInputError, UnavailableError
from openiwd.ports.mart import InfoMartAgent

SECONDS: Final = 30.0
COLUMNS: Final = (
    "RESOURCE_KEY",
    "RESOURCE_TYPE_CODE",
    "RESOURCE_NAME",
    "AGENT_FIRST_NAME",
    "AGENT_LAST_NAME",
    "EMPLOYEE_ID",
    "EXTERNAL_RESOURCE_ID",
    "GMT_START_TIME",
    "GMT_END_TIME",
)
_LOOK: Final = """
SELECT table_schema, table_name, column_name FROM information_schema.columns
WHERE lower(table_name) = 'resource_' AND table_schema NOT IN ('pg_catalog', 'information_schema')
ORDER BY table_schema = 'public' DESC, table_schema, ordinal_position
"""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class InfoMartResources:
    """Implements `openiwd.ports.mart.AgentDirectory`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def agents(self) -> list[InfoMartAgent]:
        """Who is an agent there now; of several rows of one employee the one that began last."""
        try:
            connection: asyncpg.Connection[Any] = await asyncpg.connect(
                self._dsn,
                timeout=SECONDS,
                command_timeout=SECONDS,
                server_settings={"application_name": "openiwd mart", "default_transaction_read_only": "on"},
            )
        except (OSError, asyncpg.PostgresError) as error:
            raise UnavailableError("Info Mart cannot be reached", hint="names stay as they are") from error
        try:
            found = await connection.fetch(_LOOK)
            if not found:
                raise InvalidInputError(
                    "Info Mart has no table RESOURCE_", hint="check database and schema", field="infoMart"
                )
            schema, table = found[0]["table_schema"], found[0]["table_name"]
            names = {
                r["column_name"].upper(): r["column_name"]
                for r in found
                if (r["table_schema"], r["table_name"]) == (schema, table)
            }
            rows = await connection.fetch(_query(schema, table, names), int(time.time()))
        finally:
            await connection.close(timeout=5)
        return [agent for row in rows if (agent := _agent(dict(row.items()))) is not None]


def _query(schema: str, table: str, names: dict[str, str]) -> str:
    """Missing columns are null; without a type or an end every row counts."""
    listed = ", ".join(
        f"{_quoted(names[c]) if c in names else 'NULL'} AS {_quoted(c.lower())}" for c in COLUMNS
    )
    return f"""
SELECT * FROM (SELECT {listed} FROM {_quoted(schema)}.{_quoted(table)}) r
WHERE (resource_type_code IS NULL OR upper(resource_type_code::text) = 'AGENT')
    AND (gmt_end_time IS NULL OR gmt_end_time::bigint > $1::bigint)
    AND coalesce(employee_id::text, external_resource_id::text) IS NOT NULL
ORDER BY gmt_start_time::bigint NULLS FIRST
"""


def _agent(row: dict[str, Any]) -> InfoMartAgent | None:
    first, last = row["agent_first_name"], row["agent_last_name"]
    name = " ".join(part for part in (first, last) if part) or row["resource_name"]
    employee = row["employee_id"] or row["external_resource_id"]
    if not name:
        return None
    key = int(row["resource_key"]) if row["resource_key"] is not None else None
    return InfoMartAgent(str(employee), key, str(name), first, last)
