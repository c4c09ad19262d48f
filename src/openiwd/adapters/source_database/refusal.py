"""Tells by codes whether a source database is away, lets nobody in, or refuses what it was asked.

Classes of errors do not tell it: PyMySQL raises OperationalError for every code that it does not know (a column that is
missing, a trigger that refuses), and pg8000 raises DatabaseError for a server that shuts down.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError


class Cause(StrEnum):
    """`away`: to be tried again, nothing is wrong with what was asked. `access`: user, password or address."""

    AWAY = "away"
    ACCESS = "access"
    STATEMENT = "statement"


_AWAY_STATES: Final = ("08", "40", "53", "57", "58", "55P03", "HYT")
"""Beginnings of SQLSTATE: connections, deadlocks, no room, shutting down, the system, a lock, a time-out."""
_ACCESS_STATES: Final = ("28", "3D")

_MYSQL_ACCESS: Final = frozenset({1044, 1045, 1049, 1130, 1251, 1698, 1820, 1862, 2049, 2059, 2061, 4151})
_MYSQL_AWAY: Final = frozenset(
    {
        *(1021, 1037, 1041),  # no room on its disk or in its memory
        *(1020, 1205, 1206, 1213, 1614),  # what others hold or have just changed
        *(1040, 1129, 1203, 1226),  # too many connections, or requests
        *(
            1042,
            1043,
            1047,
            1053,
            1077,
            1079,
            1080,
            1152,
            *range(1154, 1162),
            1184,
        ),  # connections, shutting down
        *(1317, 1927, 1969, 3024, 4031),  # interrupted
    }
)
_MYSQL_CLIENT: Final = range(2000, 3000)
_MYSQL_TOO_LARGE: Final = frozenset({1153, 2020})
"""They end the connection, and would end each next one: what was sent is at fault."""

_SQLITE_AWAY: Final = frozenset({5, 6, 7, 9, 10, 13, 14, 15})
"""BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL."""


def cause_of(error: DBAPIError) -> Cause:
    """Why a statement, or a connection, has failed."""
    original: Any = error.orig
    match type(original).__module__.partition(".")[0]:
        case "pymysql":
            return _of_mysql(original)
        case "pg8000":
            return _of_postgresql(original)
        case "sqlite3":
            code = getattr(original, "sqlite_errorcode", 0)
            return Cause.AWAY if code & 0xFF in _SQLITE_AWAY else Cause.STATEMENT
        case _:
            return _by_class(error, original)


def _of_mysql(original: Any) -> Cause:
    code = original.args[0] if original.args else None
    if not isinstance(
        code, int
    ):  # the driver's own words: about the connection, unless a value cannot be written
        is_value = type(original).__name__ in ("ProgrammingError", "DataError", "NotSupportedError")
        return Cause.STATEMENT if is_value else Cause.AWAY
    if code in _MYSQL_ACCESS:
        return Cause.ACCESS
    if code in _MYSQL_TOO_LARGE:
        return Cause.STATEMENT
    if code == 0 or code in _MYSQL_AWAY or code in _MYSQL_CLIENT:
        return Cause.AWAY
    return _by_state(getattr(original, "sqlstate", None) or "") or Cause.STATEMENT


def _of_postgresql(original: Any) -> Cause:
    told = original.args[0] if original.args else ""
    if isinstance(told, dict):
        return _by_state(str(told.get("C", ""))) or Cause.STATEMENT
    if "password" in str(told) or "authentication" in str(told):
        return Cause.ACCESS
    return Cause.AWAY if type(original).__name__ == "InterfaceError" else Cause.STATEMENT


def _by_class(error: DBAPIError, original: Any) -> Cause:
    """Of drivers that are experimental: by the SQLSTATE where they tell one first, else by their classes."""
    state = original.args[0] if original.args else None
    if isinstance(state, str) and len(state) == 5:
        return _by_state(state) or Cause.STATEMENT
    is_away = error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
    return Cause.AWAY if is_away else Cause.STATEMENT


def _by_state(state: str) -> Cause | None:
    if state.startswith(_ACCESS_STATES):
        return Cause.ACCESS
    return Cause.AWAY if state.startswith(_AWAY_STATES) else None
