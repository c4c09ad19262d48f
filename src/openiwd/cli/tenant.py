"""`openiwd tenant`: makes, lists, shows, changes, suspends, resumes and deletes tenants by the databases alone."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import typer
import uvloop
from rich.markup import escape
from rich.table import Table

from openiwd.cli.output import output
from openiwd.domain.tenant_life import GRACE_DAYS, TenantLimits, database_name_of, tenant_id_of
from openiwd.processes.installation import installation
from openiwd.processes.logs import configure_logs
from openiwd.processes.settings import read_settings
from openiwd.processes.tenant import by_command, make_platform_key, platform
from openiwd.processes.wiring import Wiring
from openiwd.usecases import tenant as tenant_use
from openiwd.usecases.tenant_order import Administrator, Made, TenantOrder, TenantView
from openiwd.usecases.tenant_owner import Tenants

app = typer.Typer(help="Tenants: each has databases of its own.", no_args_is_help=True, add_completion=False)
T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, nothing else.")]
TenantName = Annotated[str, typer.Argument(help="Id or ccid.")]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Data folder of `openiwd up`, running or not; default: OPENIWD_DATABASE_URL, else the usual folder."
    ),
]


def _owner(wiring: Wiring) -> Tenants:
    assert wiring.platform.tenants is not None  # noqa: S101 - the wiring has just set it
    return wiring.platform.tenants


def _run(act: Callable[[Wiring], Awaitable[T]], data: Path | None) -> T:
    configure_logs("warning")

    async def acting() -> T:
        async with installation(read_settings(), data) as settings, platform(settings) as wiring:
            return await act(wiring)

    return uvloop.run(acting())


def _say(value: Any) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


@app.command()
def create(
    tenant_id: Annotated[str, typer.Argument(help="Small letters, digits and hyphens.")],
    name: Annotated[str | None, typer.Option(help="As people read it; default: the id.")] = None,
    ccid: Annotated[str | None, typer.Option(help="Contact centre id of other systems.")] = None,
    time_zone: Annotated[str, typer.Option(help="Of the tenant's days.")] = "UTC",
    database: Annotated[str | None, typer.Option(help="Default: iwd-<id>.")] = None,
    adopt: Annotated[
        bool, typer.Option("--adopt", help="The database may be there already, with tables.")
    ] = False,
    administrator: Annotated[str, typer.Option(help="Login of the first user.")] = "admin",
    requests_per_second: Annotated[float | None, typer.Option(help="Limit, in each process.")] = None,
    users: Annotated[int | None, typer.Option(help="How many users it may have.")] = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Make a tenant; again for the same id: say what is there. A create that was cut off is carried on."""
    own_id = tenant_id_of(tenant_id)
    limits = TenantLimits(requests_per_second=requests_per_second, users=users)
    order = TenantOrder(
        id=own_id,
        name=name or tenant_id,
        database_name=database_name_of(own_id, database),
        ccid=ccid,
        time_zone=time_zone,
        limits=limits if limits != TenantLimits() else None,
        administrator=Administrator(login=administrator),
        adopt=adopt,
    )
    made = _run(lambda wiring: tenant_use.create(_owner(wiring), by_command(), order), data)
    if as_json:
        _say(made)
    else:
        _print_made(made)


def _print_made(made: Made) -> None:
    console = output()
    if not made.created:
        console.print(
            f"{escape(made.tenant.id)} is there already ({made.tenant.state.value})", highlight=False
        )
        return
    console.print(
        f"[bold]{escape(made.tenant.id)}[/] is ready, in database {made.tenant.database}", highlight=False
    )
    if made.administrator is not None:
        console.print(
            f"login {made.administrator.login}   password {made.administrator.password}", highlight=False
        )
    console.print(
        f"API key {made.api_key}\nkey of the data mart {made.mart_key}", highlight=False, soft_wrap=True
    )
    console.print("[dim]These are told once: keep them now.[/]")


@app.command(name="list")
def list_tenants(data: Data = None, as_json: AsJson = False) -> None:
    """List all tenants."""
    found = _run(lambda wiring: tenant_use.tenants(_owner(wiring), by_command()), data)
    if as_json:
        _say(found)
        return
    table = Table(box=None, header_style="bold")
    for column in ("id", "name", "state", "database", "since"):
        table.add_column(column)
    for one in found:
        table.add_row(one.id, one.name, one.state.value, one.database, f"{one.created_at:%Y-%m-%d}")
    output().print(table)


@app.command()
def show(tenant: TenantName, data: Data = None, as_json: AsJson = False) -> None:
    """Show one tenant with what it uses."""
    found = _run(lambda wiring: tenant_use.show(_owner(wiring), by_command(), tenant), data)
    if as_json:
        _say(found)
    else:
        _print_view(found)


def _print_view(one: TenantView) -> None:
    console = output()
    for name, value in msgspec.to_builtins(one).items():
        if name != "usage" and value not in (None, {}):
            console.print(f"{name:14} {value}", highlight=False)
    for name, value in msgspec.to_builtins(one.usage).items() if one.usage is not None else ():
        console.print(f"  {name:12} {value if value is not None else '–'}", highlight=False)


@app.command()
def rename(
    tenant: TenantName, name: Annotated[str, typer.Argument(help="The new name.")], data: Data = None
) -> None:
    """Give a tenant another name; its id and its database stay."""

    async def act(wiring: Wiring) -> None:
        known = await tenant_use.show(_owner(wiring), by_command(), tenant)
        order = TenantOrder(id=known.id, name=name, database_name=known.database)
        await tenant_use.change(_owner(wiring), by_command(), order)

    _run(act, data)


@app.command()
def suspend(
    tenant: TenantName,
    reason: Annotated[str | None, typer.Option(help="Kept in the audit.")] = None,
    data: Data = None,
) -> None:
    """Let nobody in and distribute nothing, until it is resumed."""
    _run(lambda wiring: tenant_use.suspend(_owner(wiring), by_command(), tenant, reason), data)


@app.command()
def resume(tenant: TenantName, data: Data = None) -> None:
    """Let people in again; also what was to be deleted, within its time of grace."""
    _run(lambda wiring: tenant_use.resume(_owner(wiring), by_command(), tenant), data)


@app.command()
def delete(
    tenant: TenantName,
    confirm: Annotated[str | None, typer.Option(help="The tenant's id, once more.")] = None,
    grace_days: Annotated[
        int, typer.Option(min=0, help="Until then it can be resumed; 0: at once.")
    ] = GRACE_DAYS,
    data: Data = None,
) -> None:
    """Shut a tenant, and remove its databases, users and keys once the time of grace is over."""
    left = _run(
        lambda wiring: tenant_use.delete(_owner(wiring), by_command(), tenant, confirm, grace_days), data
    )
    text = (
        "is gone"
        if left is None
        else f"is shut, and will be removed after {left.delete_after:%Y-%m-%d %H:%M} UTC"
    )
    output().print(f"{escape(tenant)} {text}", highlight=False)


@app.command()
def purge(data: Data = None) -> None:
    """Remove the tenants whose time of grace is over; running servers do so by themselves."""
    gone = _run(lambda wiring: tenant_use.purge(_owner(wiring), by_command()), data)
    output().print(", ".join(gone) or "nothing is due", highlight=False)


@app.command(name="reset-administrator")
def reset_administrator(
    tenant: TenantName,
    login: Annotated[str, typer.Option(help="Made if need be.")] = "admin",
    data: Data = None,
) -> None:
    """Give a tenant's administrator a new password, told once."""
    wanted = Administrator(login=login)
    made = _run(
        lambda wiring: tenant_use.new_administrator(_owner(wiring), by_command(), tenant, wanted), data
    )
    output().print(f"login {made.login}   password {made.password}", highlight=False)


@app.command()
def key(name: Annotated[str, typer.Argument(help="What it is for.")] = "platform", data: Data = None) -> None:
    """Make a key of the platform, which makes tenants by API and reaches nothing inside of them; told once."""
    _say(_run(lambda wiring: make_platform_key(wiring, name), data))
