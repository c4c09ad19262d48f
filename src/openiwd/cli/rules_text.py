"""What the commands about rule sets print for people."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

Answer = dict[str, Any]


def drafts(console: Console, answer: Answer) -> None:
    table = _table("draft", "name", "made from", "by")
    for d in answer["drafts"]:
        table.add_row(d["id"], d["name"], str(d["base"] or "-"), ", ".join(d["changedBy"]))
    console.print(table)


def _table(*columns: str) -> Table:
    table = Table(show_edge=False, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def findings(console: Console, answer: Answer) -> None:
    _faults(console, answer)
    for f in answer["findings"]:
        console.print(f"{f['severity']}: {f['message']} ({f['field']})", highlight=False, markup=False)
        console.print(f"  {f['hint']}", highlight=False, markup=False, style="dim")
    if not answer["findings"] and not answer["faults"]:
        console.print("Nothing is odd.")


def _faults(console: Console, answer: Answer) -> None:
    for f in answer.get("faults") or ():
        console.print(f"fault: {f['message']} ({f.get('field') or '-'})", highlight=False, markup=False)
        if f.get("hint"):
            console.print(f"  {f['hint']}", highlight=False, markup=False, style="dim")


def differences(console: Console, answer: Answer) -> None:
    _faults(console, answer)
    for d in answer["differences"]:
        console.print(f"{d['change']}: {d['kind']} {d['id']}", highlight=False, markup=False)
        for field in d.get("fields") or ():
            before, after = (_short(field[side]) if side in field else "-" for side in ("before", "after"))
            console.print(f"  {field['path']}: {before} → {after}", highlight=False, markup=False)
    if not answer["differences"]:
        console.print("No difference.")


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 120 else f"{text[:119]}…"


def tests(console: Console, answer: Answer) -> None:
    for result in answer["results"]:
        if result["passed"]:
            continue
        console.print(
            f"failed: {result['id']} {result.get('name') or ''}".rstrip(), highlight=False, markup=False
        )
        if result.get("error"):
            console.print(f"  {result['error']}", highlight=False, markup=False)
        for check in result["checks"]:
            if not check["passed"]:
                expected, actual = _short(check["expected"]), _short(check["actual"])
                console.print(
                    f"  {check['what']}: expected {expected}, came {actual}", highlight=False, markup=False
                )
    passed = answer["total"] - answer["failed"]
    console.print(f"{passed:,} of {answer['total']:,} tests pass.", highlight=False)


def refused(console: Console, answer: Answer) -> None:
    console.print(f"{answer.get('detail')}:", highlight=False, markup=False)
    for failed in answer.get("failed") or ():
        console.print(f"  {failed['id']} {failed.get('name') or ''}".rstrip(), highlight=False, markup=False)


def impact(console: Console, answer: Answer) -> None:
    counts = answer.get("counts")
    if counts is None:
        console.print(
            f"The count is {answer['status']}. {answer.get('error') or ''}".strip(), highlight=False
        )
        return
    table = Table(
        title=f"Of {counts['total']:,} open items", show_header=False, show_edge=False, title_justify="left"
    )
    table.add_column()
    table.add_column(justify="right")
    for name, text in (
        ("differs", "are judged differently"),
        ("category", "change category"),
        ("queue", "change queue"),
        ("band", "change band of priority (a quarter of the open items as of now)"),
        ("rejected", "would be rejected"),
        ("errorheld", "would wait for an error to be mended"),
        ("assigned", "of them are with an agent and stay there"),
    ):
        table.add_row(text, f"{counts[name]:,}")
    console.print(table)
    if counts["moves"]:
        moves = _table("from", "to", "items")
        for m in counts["moves"]:
            moves.add_row(m["origin"] or "-", m["target"] or "-", f"{m['items']:,}")
        console.print(moves)


def published(console: Console, answer: Answer) -> None:
    console.print(f"Version {answer['version']} is live.", highlight=False)
    for warning in answer.get("warnings") or ():
        console.print(f"  {warning}", highlight=False, markup=False)
    run, ended = answer.get("reclassification"), answer.get("run")
    if ended:
        console.print(f"{ended['done']:,} open items were judged again ({ended['status']}).", highlight=False)
    elif run:
        console.print(f"Open items are judged again: run {run}.", highlight=False)


def imported(console: Console, answer: Answer) -> None:
    if answer.get("draft"):
        console.print(f"Draft {answer['draft']}", highlight=False)
    differences(console, answer)


def plain(console: Console, answer: Any) -> None:
    console.print(
        msgspec.json.format(msgspec.json.encode(answer), indent=2).decode(), highlight=False, markup=False
    )
