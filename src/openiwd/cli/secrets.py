"""`openiwd secrets rotate`: every stored secret under the new key. Prints counts, never a secret."""

from __future__ import annotations

from typing import Final

import typer
import uvloop
from rich.table import Table

from openiwd.cli.output import output
from openiwd.processes.secret_rotation import rotate_all
from openiwd.processes.settings import read_settings

app = typer.Typer(help="Secrets that lie sealed in the databases.", no_args_is_help=True)
LEFT: Final = 1


@app.callback()
def secrets() -> None:
    """Secrets that lie sealed in the databases."""


@app.command()
def rotate() -> None:
    """Seal every stored secret with the first key of OPENIWD_SECRET_KEY; the keys after it still open.

    Ends with 0 when all are sealed with it: then the old keys can go. Ends with 1 while any is not.
    """
    found = uvloop.run(rotate_all(read_settings()))
    table = Table("where", "sealed anew", "current before", "not opened", "changed meanwhile")
    for each in found:
        table.add_row(
            each.where, *(str(n) for n in (each.resealed, each.current, each.unopened, each.changed))
        )
    console = output()
    console.print(table)
    if any(each.unopened or each.changed for each in found):
        console.print("Keep the old keys: not every secret is sealed with the new one. Run it again.")
        raise typer.Exit(LEFT)
    console.print("Every secret is sealed with the first key. The others may go, from all processes.")
