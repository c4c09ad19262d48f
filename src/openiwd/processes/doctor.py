"""Where the command line gets the doctor's reports from: a running server, or the databases themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import msgspec
from msgspec import Struct

from openiwd.adapters.embedded_postgres.server import default_data_dir
from openiwd.domain.errors import InvalidInputError, NotFoundError, OpenIwdError, UnavailableError
from openiwd.processes.bootstrap import read_credentials
from openiwd.processes.settings import Settings, environment
from openiwd.processes.wiring import Wiring
from openiwd.usecases.doctor import Report

PATH: Final = "/iwd/v3/doctor"
TIMEOUT_SECONDS: Final = 90.0
BUDGET: Final = 8
"""Connections that it takes for itself, where it goes to the databases."""


class Place(Struct, frozen=True, kw_only=True):
    """A server and the key to ask it with."""

    url: str
    key: str


def place_of(settings: Settings, url: str | None, key: str | None) -> Place | None:
    """The server to ask: the one named, else (without a database of one's own) the one that `openiwd up` runs here."""
    if url is not None:
        if key is None:
            raise InvalidInputError(
                "a server is asked with an API key", field="--key", hint="give --key, or set OPENIWD_API_KEY"
            )
        return Place(url=url.rstrip("/"), key=key)
    if settings.database_url is not None:
        return None
    for folder in _folders(settings):
        known = read_credentials(folder) if folder.is_dir() else None
        if known is not None:
            return Place(url=f"http://127.0.0.1:{settings.port}", key=key or known.api_key)
    raise InvalidInputError(
        "there is neither a server to ask nor a database",
        hint="give --url and --key, or set OPENIWD_DATABASE_URL",
    )


def _folders(settings: Settings) -> list[Path]:
    if settings.data_dir is not None:
        return [settings.data_dir]
    return [default_data_dir(environment(), name=name) for name in ("default", "demo")]


async def ask_server(place: Place) -> Report:
    """The report of the key's tenant. Raises OpenIwdError where there is no answer, or a refusal."""
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as http:
            answer = await http.get(f"{place.url}{PATH}", headers={"x-api-key": place.key})
    except httpx.HTTPError as error:
        raise UnavailableError(
            f"{place.url} does not answer: {error or type(error).__name__}",
            hint="is the server up? With OPENIWD_DATABASE_URL the databases are asked without one",
        ) from error
    if answer.status_code != httpx.codes.OK:
        raise OpenIwdError(_refusal(answer), code="refused", hint="see the key's privileges")
    return msgspec.json.decode(answer.content, type=Report)


def _refusal(answer: httpx.Response) -> str:
    try:
        told = msgspec.json.decode(answer.content, type=dict)
    except msgspec.MsgspecError:
        told = {}
    return f"the server answers {answer.status_code}: {told.get('detail') or told.get('title') or answer.reason_phrase}"


async def ask_databases(settings: Settings, tenant_id: str | None) -> Sequence[Report]:
    """A report of each active tenant, or of the one named, without any server."""
    if settings.database_url is None:
        raise InvalidInputError("there is no database to ask", hint="set OPENIWD_DATABASE_URL")
    wiring = Wiring(settings.database_url, budget=BUDGET)
    try:
        tenants = [t for t in await wiring.control.tenants() if t.active and tenant_id in (None, t.id)]
        if not tenants:
            raise NotFoundError(
                f"there is no active tenant '{tenant_id}'" if tenant_id else "there is no active tenant"
            )
        reports = []
        for tenant in tenants:
            services = await wiring.platform.services(tenant.id)
            reports.append(await wiring.platform.doctor.report(wiring.platform, services))
        return reports
    finally:
        await wiring.close()
