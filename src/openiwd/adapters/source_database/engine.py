"""Connects to a source database by SQLAlchemy: which driver, which time-outs, and what is said of its errors."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, assert_never

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from openiwd.adapters.source_database.refusal import Cause, cause_of
from openiwd.adapters.source_database.statement import NotText
from openiwd.domain.capture.outside_source import DatabaseSource
from openiwd.domain.errors import InvalidInputError, OpenIwdError, UnavailableError

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
        engine = create_engine(
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
    if engine.dialect.name in _LENIENT:
        event.listen(engine, "connect", _LENIENT[engine.dialect.name])
    return engine


def _read_sqlite(connection: Any, _: Any) -> None:
    """One text that is none would keep the driver from reading on: it is handed out as it is, and its row refused."""
    connection.text_factory = _text_or_not


def _text_or_not(content: bytes) -> str | bytes:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return NotText(content)


def _read_postgresql(connection: Any, _: Any) -> None:
    """What the driver cannot turn into a value (24:00:00, JSON nested too deeply) stays the text that it came as."""
    for oid, read in list(connection.pg_types.items()):
        if oid not in _NEVER_ODD:
            connection.pg_types[oid] = _or_text(read)


def _or_text(read: Callable[[str], Any]) -> Callable[[str], Any]:
    def lenient(text: str) -> Any:
        try:
            return read(text)
        except (ValueError, TypeError, ArithmeticError, LookupError, RecursionError):
            return text

    return lenient


_NEVER_ODD: Final = frozenset({16, 19, 20, 21, 23, 25, 26, 700, 701, 1042, 1043})
"""Types by number: boolean, whole numbers, floats, texts."""
_LENIENT: Final = {"sqlite": _read_sqlite, "postgresql": _read_postgresql}


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
    """Away: to be tried again. Anything else is the fault of what was asked, or of who asks, which is named."""
    try:
        yield
    except DBAPIError as error:
        raise _told(error, field) from error
    except (PoolTimeoutError, OSError) as error:
        raise UnavailableError(f"the source database: {_said(error)}", retry_after=5) from error
    except SQLAlchemyError as error:
        raise InvalidInputError(
            f"the statement cannot be run: {_said(error)}", field=field, hint="correct the statement"
        ) from error
    except (
        TypeError,
        ValueError,
        ArithmeticError,
    ) as error:  # drivers let those of values through as they are
        raise InvalidInputError(
            f"the driver of the source database cannot pass on a value: {_said(error)}",
            field=field,
            hint="cast the value in the statement",
            code="statementRefused",
        ) from error


def _told(error: DBAPIError, field: str) -> OpenIwdError:
    cause = cause_of(error)
    match cause:
        case Cause.AWAY:
            return UnavailableError(f"the source database: {_said(error)}", retry_after=5)
        case Cause.ACCESS:
            return InvalidInputError(
                f"the source database lets nobody in: {_said(error)}",
                field="source.url",
                hint="check the name of the database, the user, the password and from where it may log in",
                code="accessRefused",
            )
        case Cause.STATEMENT:
            return InvalidInputError(
                f"the source database refuses the statement: {_said(error)}",
                field=field,
                hint="try the statement in the database itself",
                code="statementRefused",
            )
        case _:
            assert_never(cause)


def _said(error: BaseException) -> str:
    """The driver's words alone: SQLAlchemy's text repeats the statement and its values, which may be personal."""
    original = getattr(error, "orig", None) or error
    match getattr(original, "args", ()):
        case ({"M": str() as words, "C": code}, *_) | (int() as code, str() as words, *_) if words:
            said = f"{words} ({code})"
        case _:
            said = str(original)
    return " ".join(said.split())[:300] or type(original).__name__
