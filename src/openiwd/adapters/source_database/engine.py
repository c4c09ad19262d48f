"""Connects to a source database by SQLAlchemy: which driver, which time-outs, and what its errors mean."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from openiwd.domain.capture.outside_source import DatabaseSource
from openiwd.domain.errors import InvalidInputError, UnavailableError

PARAMETERS: Final = frozenset(
    {"charset", "unix_sock", "unix_socket", "service_name", "driver", "Encrypt", "TrustServerCertificate"}
)
"""What may stand behind the `?` of a URL: others would make a driver read files of this machine."""
CONNECTIONS: Final = 2
"""One reads and acknowledges, one runs hooks."""


class Driver(NamedTuple):
    """A kind of database: SQLAlchemy's name of dialect and driver, and the extra that brings the driver."""

    name: str
    extra: str


DRIVERS: Final = {
    "postgresql": Driver("postgresql+pg8000", "database"),
    "mysql": Driver("mysql+pymysql", "database"),
    "mariadb": Driver("mariadb+pymysql", "database"),
    "sqlite": Driver("sqlite+pysqlite", ""),
    "mssql": Driver("mssql+pyodbc", "mssql"),
    "oracle": Driver("oracle+oracledb", "oracle"),
}


def make_engine(settings: DatabaseSource, folder: Path | None) -> Engine:
    """An engine that has not connected yet. `folder` is where SQLite files of the tenant may lie."""
    url = _url(settings, folder)
    driver = DRIVERS[url.get_backend_name()]
    seconds = settings.timeout_seconds
    try:
        return create_engine(
            url.set(drivername=driver.name),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=seconds,
            pool_pre_ping=True,
            pool_recycle=1_800,
            connect_args=_arguments(url.get_backend_name(), seconds, tls=settings.tls),
        )
    except ModuleNotFoundError as error:
        raise InvalidInputError(
            f"the driver for {url.get_backend_name()} is not installed ({error.name})",
            field="source.url",
            code="extraMissing",
            hint=f"install it with: pip install 'openiwd[{driver.extra}]'",
        ) from error


def _url(settings: DatabaseSource, folder: Path | None) -> URL:
    try:
        url = make_url(settings.url)
    except (ArgumentError, ValueError) as error:
        raise _wrong_url("this is no URL of a database") from error
    if url.get_backend_name() not in DRIVERS:
        raise _wrong_url(f"'{url.get_backend_name()[:40]}' is no kind of database that can be read")
    if url.password is not None:
        raise InvalidInputError(
            "the URL holds a password",
            field="source.url",
            hint="give it as source.password: it is never shown",
        )
    unknown = sorted(url.query.keys() - PARAMETERS)
    if unknown:
        raise _wrong_url(f"'{unknown[0][:40]}' cannot be set in the URL")
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(_sqlite_file(url.database, folder)))
    return url.set(password=settings.password) if settings.password else url


def _wrong_url(text: str) -> InvalidInputError:
    kinds = ", ".join(DRIVERS)
    return InvalidInputError(text, field="source.url", hint=f"begin it with one of {kinds}, then ://")


def _sqlite_file(name: str | None, folder: Path | None) -> Path:
    """A file below the tenant's folder, wherever its name tries to lead."""
    if folder is None:
        raise InvalidInputError(
            "this installation has no folder for files of sources",
            field="source.url",
            hint="set OPENIWD_CAPTURE_DIR, or read from a database server",
        )
    root = folder.resolve()
    path = (root / (name or "").lstrip("/")).resolve()
    if not name or root not in path.parents:
        raise InvalidInputError(
            "the file lies outside of the tenant's folder",
            field="source.url",
            hint="write sqlite:///claims.db",
        )
    return path


def _arguments(kind: str, seconds: float, *, tls: bool) -> dict[str, Any]:
    """How each driver names its time-outs, and encryption."""
    trusted = ssl.create_default_context() if tls else None
    match kind:
        case "postgresql":
            return {"timeout": seconds, "application_name": "openiwd capture", "ssl_context": trusted}
        case "mysql" | "mariadb":
            times = {
                "connect_timeout": min(int(seconds), 10),
                "read_timeout": seconds,
                "write_timeout": seconds,
            }
            return {**times, "ssl": trusted} if tls else times
        case "sqlite":
            return {"timeout": seconds, "check_same_thread": False}
        case "mssql":
            return {"timeout": int(seconds)}
        case _:
            return {}


@contextmanager
def database_errors(field: str) -> Iterator[None]:
    """Away: to be tried again. Anything else is the statement's fault, which is named."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, OSError) as error:
        raise UnavailableError(f"the source database: {_said(error)}", retry_after=5) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise UnavailableError(f"the source database: {_said(error)}", retry_after=5) from error
        raise InvalidInputError(
            f"the source database refuses the statement: {_said(error)}",
            field=field,
            hint="try the statement in the database itself",
            code="statementRefused",
        ) from error
    except SQLAlchemyError as error:
        raise InvalidInputError(
            f"the statement cannot be run: {_said(error)}", field=field, hint="correct the statement"
        ) from error


def _said(error: BaseException) -> str:
    """The driver's words alone: SQLAlchemy's text repeats the statement and its values, which may be personal."""
    original = getattr(error, "orig", None) or error
    return " ".join(str(original).split())[:300] or type(original).__name__
