"""`openiwd rules`: rule sets looked at, tested, tried and published over the REST API of a server. Decides nothing.

Exit codes: 0 fine; 1 findings, failed tests or faults; 2 wrong use, or the server refuses.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openiwd.cli import rules_text
from openiwd.cli.output import output
from openiwd.cli.refusal import REFUSED, AnswerError
from openiwd.cli.rules_client import RulesClient

FINDINGS: Final = 1
LOOK_SECONDS: Final = 0.5
"""How often a run is asked how far it is."""
app = typer.Typer(
    name="rules", help="Look at, test, try and publish rule sets of a server.", no_args_is_help=True
)

Url = Annotated[
    str | None, typer.Option(envvar="OPENIWD_URL", help="The server, such as http://127.0.0.1:4024.")
]
Key = Annotated[str | None, typer.Option(envvar="OPENIWD_API_KEY", help="API key of the tenant.")]
Json = Annotated[bool, typer.Option("--json", help="Print the server's answer as JSON, nothing else.")]
DraftOption = Annotated[
    str | None, typer.Option("--draft", help="A draft, by id or name; default: what is live.")
]
DraftArgument = Annotated[str, typer.Argument(help="A draft, by id or name.")]
Version = Annotated[str, typer.Option("--version", help="A published version, or live.")]
Reason = Annotated[str | None, typer.Option(help="Why; kept in the audit.")]
ReclassifyOption = Annotated[str, typer.Option(help="Open items judged again: none, changed or all.")]


class Context:
    """Where the commands of one call go."""

    def __init__(self, url: str | None, api_key: str | None) -> None:
        self._url = url
        self._key = api_key

    def client(self, transport: httpx.BaseTransport | None = None) -> RulesClient:
        if not self._url or not self._key:
            raise AnswerError(
                "no server, or no API key, is named",
                hint="give --url and --api-key before the command, or set OPENIWD_URL and OPENIWD_API_KEY",
            )
        return RulesClient(self._url, self._key, transport)


@app.callback()
def connect(ctx: typer.Context, url: Url = None, api_key: Key = None) -> None:
    """Rule sets of a server. Exit codes: 0 fine; 1 findings or failed tests; 2 wrong use, or refused."""
    ctx.obj = Context(url, api_key)


def _client(ctx: typer.Context) -> RulesClient:
    found: Context = ctx.obj
    client = found.client()
    ctx.call_on_close(client.close)
    return client


def _say(answer: Any, as_json: bool, tell: Any) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    else:
        tell(output(), answer)


@app.command("drafts")
def list_drafts(ctx: typer.Context, as_json: Json = False) -> None:
    """List the drafts."""
    _say(_client(ctx).get("/rulesets/drafts"), as_json, rules_text.drafts)


@app.command()
def lint(
    ctx: typer.Context, draft: DraftOption = None, version: Version = "live", as_json: Json = False
) -> None:
    """Say what never matches, is never reached, starves or has nobody to take it. Code 1 when there is anything."""
    client = _client(ctx)
    answer = client.get(f"{client.place(draft, version)}/lint")
    _say(answer, as_json, rules_text.findings)
    if answer["faults"] or any(f["severity"] != "hint" for f in answer["findings"]):
        raise typer.Exit(FINDINGS)


@app.command()
def diff(
    ctx: typer.Context,
    before: Annotated[str, typer.Argument(help="A version; with --draft: left out.")] = "live",
    after: Annotated[str, typer.Argument(help="Another version.")] = "live",
    draft: DraftOption = None,
    as_json: Json = False,
) -> None:
    """Say what a draft changes of what is live, or how two versions differ."""
    client = _client(ctx)
    if draft is not None:
        answer = client.get(f"/rulesets/drafts/{client.draft(draft)}")
        answer = {"differences": answer["differences"], "faults": answer["faults"]}
    else:
        answer = client.get(f"{client.place(None, before)}/diff/{after}")
    _say(answer, as_json, rules_text.differences)
    if answer.get("faults"):
        raise typer.Exit(FINDINGS)


@app.command("test")
def run_tests(
    ctx: typer.Context, draft: DraftOption = None, version: Version = "live", reason: Reason = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Run the tests of a draft or a version. Code 1 when one fails."""
    client = _client(ctx)
    answer = client.post(f"{client.place(draft, version)}/test", reason=reason)
    _say(answer, as_json, rules_text.tests)
    if answer["failed"]:
        raise typer.Exit(FINDINGS)


@app.command()
def impact(ctx: typer.Context, draft: DraftArgument, reason: Reason = None, as_json: Json = False) -> None:
    """Count what publishing the draft would do to the open items. Ctrl-C cancels the count."""
    client = _client(ctx)
    path = f"/rulesets/drafts/{client.draft(draft)}/impact"
    answer = client.post(path, reason=reason, wait=1)
    try:
        with _bar(as_json) as bar:
            line = bar.add_task("counting", total=1.0)
            while answer["status"] == "running":
                bar.update(line, completed=answer["progress"])
                time.sleep(LOOK_SECONDS)
                answer = client.get(path)
    except KeyboardInterrupt:
        client.call("DELETE", path)
        raise
    _say(answer, as_json, rules_text.impact)
    if answer["status"] != "done":
        raise typer.Exit(REFUSED)


def _bar(as_json: bool) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=as_json or not console.is_terminal,
    )


@app.command()
def shadow(
    ctx: typer.Context,
    draft: DraftArgument,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Begin or end; left out: only look.")] = None,
    sample: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the items that is judged twice.")
    ] = None,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Judge live items by the draft as well, and say where it would decide otherwise. Nothing of it counts."""
    client = _client(ctx)
    path = f"/rulesets/drafts/{client.draft(draft)}/shadow"
    if on is not None:
        body = {"on": on} | ({} if sample is None else {"sample": sample})
        client.post(path, body=body, reason=reason)
    _say(client.get(path), as_json, rules_text.plain)


@app.command()
def canary(
    ctx: typer.Context,
    draft: DraftArgument,
    share: Annotated[
        float | None, typer.Option(min=0, max=1, help="Share of the new items judged by the draft.")
    ] = None,
    category: Annotated[
        list[str] | None, typer.Option(help="Only these categories; may be repeated.")
    ] = None,
    guard: Annotated[
        list[str] | None, typer.Option(help="NAME=LIMIT at which it ends by itself; may be repeated.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="End it.")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Judge a share of the new items by the draft; with neither --share nor --stop only look."""
    client = _client(ctx)
    path = f"/rulesets/drafts/{client.draft(draft)}/canary"
    if stop:
        client.call("DELETE", path, reason=reason)
        return
    if share is not None:
        body: dict[str, Any] = {"share": share, "guards": _guards(guard or [])}
        if category:
            body["categories"] = category
        client.post(path, body=body, reason=reason)
    _say(client.get(path), as_json, rules_text.plain)


def _guards(said: list[str]) -> dict[str, float]:
    guards: dict[str, float] = {}
    for one in said:
        name, _, limit = one.partition("=")
        try:
            guards[name] = float(limit)
        except ValueError as error:
            raise AnswerError(
                f"--guard {one}: the limit is no number", hint="write --guard errors=0.02"
            ) from error
    return guards


@app.command()
def publish(
    ctx: typer.Context,
    draft: DraftArgument,
    comment: Annotated[str | None, typer.Option(help="Why; shown with the version.")] = None,
    reclassify: ReclassifyOption = "changed",
    despite_tests: Annotated[
        str | None, typer.Option(help="Why it is published although tests fail.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until open items are judged again.")] = False,
    as_json: Json = False,
) -> None:
    """Make a draft the live rule set. Code 1 when its tests fail."""
    client = _client(ctx)
    try:
        answer = client.post(
            f"/rulesets/drafts/{client.draft(draft)}/publish",
            comment=comment, reclassify=reclassify, despiteTests=despite_tests,
        )  # fmt: skip
    except AnswerError as error:
        if error.reason != "testsFailed":
            raise
        _say(error.problem, as_json, rules_text.refused)
        raise typer.Exit(FINDINGS) from error
    _published(client, answer, wait=wait, as_json=as_json)


@app.command()
def rollback(
    ctx: typer.Context,
    version: Annotated[str, typer.Argument(help="The version that is to be live again.")],
    comment: Annotated[str | None, typer.Option(help="Why; shown with the version.")] = None,
    reclassify: ReclassifyOption = "changed",
    wait: Annotated[bool, typer.Option("--wait", help="Wait until open items are judged again.")] = False,
    as_json: Json = False,
) -> None:
    """Publish an earlier version again."""
    client = _client(ctx)
    path = f"{client.place(None, version)}/rollback"
    answer = client.post(path, comment=comment, reclassify=reclassify)
    _published(client, answer, wait=wait, as_json=as_json)


def _published(client: RulesClient, answer: Any, *, wait: bool, as_json: bool) -> None:
    run = answer.get("reclassification")
    if wait and run:
        with _bar(as_json) as bar:
            line = bar.add_task("judging open items again", total=None)
            while (found := client.get(f"/jobs/{run}"))["status"] == "running":
                bar.update(line, completed=found["done"], total=found["total"] or None)
                time.sleep(LOOK_SECONDS)
        answer = {**answer, "run": found}
    _say(answer, as_json, rules_text.published)


@app.command("import")
def take(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help="YAML; - reads standard input.", allow_dash=True)],
    name: Annotated[str | None, typer.Option(help="What the new draft is called.")] = None,
    draft: Annotated[str | None, typer.Option(help="Replace the document of this draft instead.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how it differs from what is live.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a rule set into a draft. Code 1 when it has faults."""
    try:
        source = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise AnswerError(f"{file} cannot be read: {error.strerror}", hint="check the path") from error
    client = _client(ctx)
    answer = client.post(
        "/rulesets/drafts/import",
        source=source,
        name=name,
        draft=None if draft is None else client.draft(draft),
        dryRun=dry_run or None,
    )
    _say(answer, as_json, rules_text.imported)
    if answer["faults"]:
        raise typer.Exit(FINDINGS)


@app.command("export")
def give(
    ctx: typer.Context,
    draft: DraftOption = None,
    version: Version = "live",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; default: standard output.")
    ] = None,
) -> None:
    """Write a draft or a version as YAML. Imported and exported again, it is the same file."""
    client = _client(ctx)
    path = client.place(draft, version)
    answer = (
        client.call("GET", f"{path}/file") if draft is not None else client.call("GET", path, format="yaml")
    )
    if output is None:
        sys.stdout.write(answer.text)
    else:
        output.write_bytes(answer.content)
