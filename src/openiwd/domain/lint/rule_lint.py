"""What the criteria of a rule set give away: rules, rows and categories that no item reaches, items that reach none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from openiwd.domain.condition import Criterion
from openiwd.domain.lint.finding import Finding, FindingKind, Severity
from openiwd.domain.lint.overlap_lint import lint_overlaps, lint_types
from openiwd.domain.lint.search import Verdict, find
from openiwd.domain.program import Node
from openiwd.domain.rule_set import CompiledRuleSet


class _Place(NamedTuple):
    """Something with criteria: where it stands, and how it is called."""

    field: str
    kind: str
    id: str
    words: str
    name: str

    def finding(
        self, kind: FindingKind, severity: Severity, message: str, hint: str, **values: Any
    ) -> Finding:
        return Finding(
            kind=kind,
            severity=severity,
            field=self.field,
            object_kind=self.kind,
            object_id=self.id,
            message=message,
            hint=hint,
            values={"object": self.name, **values},
        )


def lint_rules(rules: CompiledRuleSet, now_us: int) -> list[Finding]:
    """Findings about rules, decision tables and the category tree, in the order of the document."""
    return [
        *_of_rules(rules, now_us),
        *_of_tables(rules, now_us),
        *_of_siblings(rules, rules.program.roots, "categories", (), now_us),
        *_of_gaps(rules, now_us),
        *lint_overlaps(rules, now_us),
        *lint_types(rules),
    ]


def _of_rules(rules: CompiledRuleSet, now_us: int) -> Iterator[Finding]:
    for i, rule in enumerate(rules.program.rules):
        if rule.criterion is not None:
            place = _Place(f"rules[{i}].when", "rule", rule.id, f"the rule '{rule.id}'", rule.id)
            yield from _never(place, [rule.criterion], now_us)


def _never(place: _Place, required: Sequence[Criterion], now_us: int) -> Iterator[Finding]:
    answer = find(required, [], now_us)
    if answer.verdict is Verdict.NEVER:
        yield place.finding(
            FindingKind.NEVER_MATCHES,
            Severity.WARNING,
            f"{place.words} matches no item: its conditions contradict each other",
            "correct the conditions, or remove it",
        )
    elif answer.verdict is Verdict.UNKNOWN:
        yield _undecided(place, f"whether {place.words} matches any item cannot be told from its conditions")


def _undecided(place: _Place, message: str) -> Finding:
    return place.finding(FindingKind.UNDECIDED, Severity.HINT, message, "try it with example items")


def _of_tables(rules: CompiledRuleSet, now_us: int) -> Iterator[Finding]:
    """Rows that never match, and rows after one that takes all of theirs (the first matching row acts)."""
    for t, table in enumerate(rules.program.tables):
        table_id = rules.document.decision_tables[t].id
        earlier: list[Criterion] = []
        for i, row in enumerate(table):
            place = _Place(
                f"decisionTables[{t}].rows[{i}]",
                "decision table",
                table_id,
                f"row {i + 1} of '{table_id}'",
                f"{table_id} #{i + 1}",
            )
            own = [] if row.criterion is None else [row.criterion]
            yield from _reached(place, own, earlier, "an earlier row", now_us)
            if row.criterion is None:
                yield from _all_taken(place, len(table) - i - 1)
                break
            earlier.append(row.criterion)


def _all_taken(place: _Place, after: int) -> Iterator[Finding]:
    if after:
        yield place.finding(
            FindingKind.SHADOWED,
            Severity.WARNING,
            f"{place.words} takes every item: the {after} rows after it are never reached",
            "move it to the end",
        )


def _reached(
    place: _Place, required: Sequence[Criterion], earlier: Sequence[Criterion], what: str, now_us: int
) -> Iterator[Finding]:
    """Whether anything is left for what comes after others."""
    alone = list(_never(place, required, now_us)) if required else []
    yield from alone
    if alone or not earlier:
        return
    answer = find(required, earlier, now_us)
    if answer.verdict is Verdict.NEVER:
        yield place.finding(
            FindingKind.SHADOWED,
            Severity.WARNING,
            f"{place.words} is never reached: {what} takes all of its items",
            "move it up, or narrow what stands before it",
        )
    elif answer.verdict is Verdict.UNKNOWN:
        yield _undecided(place, f"whether {place.words} is reached cannot be told from its conditions")


def _of_siblings(
    rules: CompiledRuleSet, nodes: Sequence[Node], at: str, above: tuple[Criterion, ...], now_us: int
) -> Iterator[Finding]:
    earlier: list[Criterion] = []
    taken_by: str | None = None
    for i, node in enumerate(nodes):
        category = rules.tree[node.index]
        words = f"the category '{category.path}'"
        place = _Place(f"{at}[{i}]", "category", category.id, words, category.path)
        if node.archived:
            continue
        own = (*above, *(() if node.criterion is None else (node.criterion,)))
        if taken_by is not None:
            yield _behind(place, taken_by)
        elif node.criterion is not None:
            what = "an earlier sibling" if len(earlier) == 1 else "those before it"
            yield from _reached(place, own, earlier, what, now_us)
            earlier.append(node.criterion)
        if node.criterion is None and taken_by is None:
            taken_by = category.path
        for r, rule in enumerate(node.rules):
            if rule.criterion is not None:
                spot = _Place(
                    f"{place.field}.rules[{r}].when",
                    "category",
                    category.id,
                    f"the rule '{rule.id}'",
                    f"{category.path} · {rule.id}",
                )
                yield from _never(spot, [*own, rule.criterion], now_us)
        yield from _of_siblings(rules, node.children, f"{place.field}.children", own, now_us)


def _behind(place: _Place, taker: str) -> Finding:
    return place.finding(
        FindingKind.SHADOWED,
        Severity.WARNING,
        f"{place.words} is never reached: '{taker}' before it takes every item",
        "move the one without conditions to the end",
    )


def _of_gaps(rules: CompiledRuleSet, now_us: int) -> Iterator[Finding]:
    """Items for which no top category matches, where no default category takes them."""
    if rules.default is not None:
        return
    roots = [n for n in rules.program.roots if not n.archived]
    if any(n.criterion is None for n in roots):
        return
    answer = find([], [n.criterion for n in roots if n.criterion is not None], now_us)
    if answer.verdict is Verdict.NEVER:
        return
    unsure = answer.verdict is Verdict.UNKNOWN
    yield Finding(
        kind=FindingKind.GAP,
        severity=Severity.HINT if unsure else Severity.WARNING,
        field="categories",
        object_kind="rule set",
        object_id=rules.document.name,
        message="whether every item reaches a category cannot be told from the conditions"
        if unsure
        else "some items reach no category and will be held by an error",
        hint="name a defaultCategory, or end with a category without conditions",
        example=answer.example,
    )
