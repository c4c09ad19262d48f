"""Tests of the rule set as forms and results: items and expectations in lines that people can read and write. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.domain.rule_set_diff import category_nodes
from openiwd.domain.rule_test import Check, RuleTestResult
from openiwd.domain.rule_test_config import RuleTestConfig
from openiwd.domain.work_item import Status
from openiwd.usecases.rule_set_test import RuleTestReport
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field

Plain = dict[str, Any]
NULL: Final = "!none"
"""The choice that says: there is to be none; no id looks like it."""
NOT_ASKED: Final = ""
STATUSES: Final = (Status.QUEUED, Status.CAPTURED, Status.HELD, Status.REJECTED, Status.ERRORHELD)
_LINE: Final = re.compile(r"\s*([^=]+?)\s*=\s*(.*?)\s*")
_SKILL: Final = re.compile(r"\s*(.+?)\s*(?:>=|≥)\s*(\d{1,2})\s*")


class CheckLine(NamedTuple):
    what: str
    expected: str
    actual: str
    passed: bool


class ResultLine(NamedTuple):
    """One test as run."""

    id: str
    name: str
    href: str
    passed: bool
    error: str
    checks: list[CheckLine]
    rules: str


class Results(NamedTuple):
    """All tests as run, those that fail first."""

    total: int
    failed: int
    lines: list[ResultLine]


def lines_of(values: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Nested values as lines `data.line = motor`."""
    found: list[str] = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and value and all("." not in k and "=" not in k for k in value):
            found += lines_of(value, f"{name}.")
        else:
            found.append(f"{name} = {text_of(value)}")
    return found


def text_of(value: Any) -> str:
    """A value as it is written in a line; text that would be read as something else stands in quotes."""
    if isinstance(value, str) and "\n" not in value and value == value.strip() and value_of(value) == value:
        return value
    return msgspec.json.encode(value).decode()


def value_of(text: str) -> Any:
    """What a written value means: JSON where it is any, else text."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text


def values_of(text: str, field: str, *, nested: bool = True) -> Plain:
    """Lines `data.line = motor` as nested values; InvalidInputError for a line that is none."""
    found: Plain = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidInputError(
                f"'{line.strip()[:60]}' is no line of the form name = value", field=field, hint=""
            )
        names = match[1].split(".") if nested else [match[1]]
        inner = found
        for name in names[:-1]:
            below = inner.setdefault(name, {})
            if not isinstance(below, dict):
                raise InvalidInputError(
                    f"'{match[1]}' lies below something that has a value already", field=field, hint=""
                )
            inner = below
        inner[names[-1]] = value_of(match[2])
    return found


def fields_of(body: Plain, t: Catalogue, new: bool, document: RuleSetDocument) -> list[Field]:
    """The form of a test."""
    expect = body.get("expect") or {}
    found = [Field("name", t("conf_field.name"), value=body.get("name") or "")]
    if new:
        found.append(Field("id", t("conf_field.id"), value=body.get("id") or "", hint=t("category.id_hint")))
    statuses = [(s.value, t.named("status", s.value)) for s in STATUSES]
    categories = [
        (node.id, path.replace("/", " › ")) for node, _, path, _ in category_nodes(document.categories)
    ]
    queues = [(q.id, q.name) for q in document.queues]
    item = lines_of(body.get("item") or {})
    return [
        *found,
        Field("at", t("rule_test.at"), value=body.get("at") or "", hint=t("rule_test.at_hint")),
        _lines("item", body, item, t, rows=8),
        _choice("status", t("rule_test.status"), expect, statuses, t),
        _choice("category", t("rule_test.category"), expect, categories, t, none=t("rule_test.none")),
        _choice("queue", t("rule_test.queue"), expect, queues, t, none=t("rule_test.none")),
        Field("businessValue", t("rule_test.value"), value=_said(expect, "businessValue")),
        Field("due", t("rule_test.due"), value=_said(expect, "due"), hint=t("rule_test.due_hint")),
        *_listed(body, expect, t),
    ]


def _listed(body: Plain, expect: Plain, t: Catalogue) -> list[Field]:
    """What is expected of several things, a line for each."""
    priorities = [f"{p['age']} = {text_of(p['priority'])}" for p in expect.get("priority") or []]
    skills = [f"{s['skill']} >= {s.get('level', 1)}" for s in expect.get("skills") or []]
    attributes = [f"{name} = {text_of(v)}" for name, v in (expect.get("attributes") or {}).items()]
    return [
        _lines("priority", body, priorities, t),
        _lines("skills", body, skills, t),
        _lines("attributes", body, attributes, t),
    ]


def _lines(name: str, body: Plain, lines: list[str], t: Catalogue, rows: int = 3) -> Field:
    """A field of many lines: as typed, where that could not be read."""
    typed = body.get("typed") or {}
    text = str(typed.get(name, "\n".join(lines)))
    return Field(name, t(f"rule_test.{name}"), "textarea", text, hint=t(f"rule_test.{name}_hint"), rows=rows)


def _said(expect: Plain, name: str) -> str:
    if name not in expect:
        return ""
    value = expect[name]
    return "none" if value is None else str(value)


def _choice(
    name: str, label: str, expect: Plain, options: list[tuple[str, str]], t: Catalogue, none: str = ""
) -> Field:
    value = NOT_ASKED if name not in expect else NULL if expect[name] is None else str(expect[name])
    known = [(NOT_ASKED, t("rule_test.any")), *([(NULL, none)] if none else []), *options]
    if value not in {k for k, _ in known}:
        known.append((value, value))
    return Field(name, label, "select", value, known)


def body_of(sent: Mapping[str, Any]) -> Plain:
    """The test that a form says; InvalidInputError for a line that cannot be read."""
    expect: Plain = {}
    for name in ("status", "category", "queue"):
        value = str(sent.get(name) or NOT_ASKED)
        if value != NOT_ASKED:
            expect[name] = None if value == NULL else value
    worth = str(sent.get("businessValue") or "").strip()
    if worth:
        expect["businessValue"] = value_of(worth)
    due = str(sent.get("due") or "").strip()
    if due:
        expect["due"] = None if due == "none" else due
    priorities = values_of(str(sent.get("priority") or ""), "priority", nested=False)
    if priorities:
        expect["priority"] = [{"age": age, "priority": p} for age, p in priorities.items()]
    skills = [_skill(line) for line in str(sent.get("skills") or "").splitlines() if line.strip()]
    if skills:
        expect["skills"] = skills
    attributes = values_of(str(sent.get("attributes") or ""), "attributes", nested=False)
    if attributes:
        expect["attributes"] = attributes
    body: Plain = {"item": values_of(str(sent.get("item") or ""), "item"), "expect": expect}
    for name in ("name", "at"):
        text = str(sent.get(name) or "").strip()
        if text:
            body[name] = text
    return body


def typed_of(sent: Mapping[str, Any]) -> Plain:
    """The form again as it was typed, where a line of it cannot be read."""
    lines = ("item", "priority", "skills", "attributes")
    body = body_of({k: v for k, v in sent.items() if k not in lines})
    return {**body, "typed": {name: str(sent.get(name) or "") for name in lines}}


def note_of(test: RuleTestConfig, _: Catalogue) -> str:
    """What a list shows beside its name: where the item is to go."""
    expect = test.expect
    for wanted in (expect.category, expect.queue, expect.status):
        if isinstance(wanted, str):
            return wanted
    return ""


def _skill(line: str) -> Plain:
    match = _SKILL.fullmatch(line)
    return {"skill": match[1], "level": int(match[2])} if match else {"skill": line.strip(), "level": 1}


def results_of(report: RuleTestReport, t: Catalogue, draft: str) -> Results:
    """The results in words; `draft` is `?draft=…`."""
    ordered = sorted(report.results, key=lambda r: r.passed)
    return Results(report.total, report.failed, [_line(r, t, draft) for r in ordered])


def _line(result: RuleTestResult, t: Catalogue, draft: str) -> ResultLine:
    return ResultLine(
        id=result.id,
        name=result.name or result.id,
        href=f"/configuration/tests/{result.id}{draft}",
        passed=result.passed,
        error=result.error or "",
        checks=list(_checks(result.checks, t)),
        rules=", ".join(result.rules),
    )


def _checks(checks: Iterable[Check], t: Catalogue) -> Iterable[CheckLine]:
    for check in checks:
        _, _, age = check.what.partition(" at ")
        label = t("rule_test.priority_at", age=age) if age else t.named("rule_test_check", check.what)
        yield CheckLine(label, _shown(check.expected, t), _shown(check.actual, t), check.passed)


def _shown(value: Any, t: Catalogue) -> str:
    if value is None:
        return t("rule_test.none")
    if isinstance(value, list):
        return ", ".join(str(v).replace(">=", " ≥ ") for v in value) or t("rule_test.none")
    return str(value) if isinstance(value, str | int | float) else msgspec.json.encode(value).decode()
