"""Agents from CSV: what a file would change, told row by row; and to CSV.

A file with a fault changes nothing. A sound one is written in pieces, none of which takes long: should it break off,
the same file finishes what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from openiwd.domain.agent import AgentProfile, AgentSkill, Capacity
from openiwd.domain.errors import InvalidInputError
from openiwd.domain.requirement import ID
from openiwd.domain.rule_set_diff import FieldDifference
from openiwd.usecases import agent as agent_use
from openiwd.usecases.agent_profile import Known, faults_of, known, profile_of, raise_faults, save
from openiwd.usecases.configuration import Editor
from openiwd.usecases.csv_table import CsvRow, read_csv, write_csv
from openiwd.usecases.live_object import GROUPS, SKILLS

CREATABLE: Final = ("skills", "groups")
MAX_AGENTS: Final = 10_000
CHUNK: Final = 200


class AgentDifference(Struct, kw_only=True, omit_defaults=True):
    """What a row does: created, updated or unchanged."""

    line: int
    agent: str
    change: str
    fields: list[FieldDifference] = []


class AgentImport(Struct, kw_only=True, rename="camel"):
    """What an import does, or has done. Faults are answered as a problem, and then nothing was done."""

    dry_run: bool
    created: int
    updated: int
    unchanged: int
    skills_created: list[str]
    groups_created: list[str]
    agents: list[AgentDifference]


def _names(text: str) -> list[str]:
    return [part.strip() for part in text.split("|") if part.strip()]


def _skills(text: str) -> list[AgentSkill]:
    found = []
    for part in _names(text):
        graded, at, until = part.partition("@")
        name, colon, level = graded.rpartition(":")
        values = {"skill": name if colon else graded, "level": int(level) if colon else 5}
        found.append(msgspec.convert(values | ({"until": until} if at else {}), AgentSkill))
    return found


def _capacity(text: str) -> Capacity:
    """`3`, or `3|email:2|lead:1`: the total, then limits of media types."""
    total = 1
    media: dict[str, int] = {}
    for part in _names(text):
        name, colon, number = part.rpartition(":")
        if colon:
            media[name] = int(number)
        else:
            total = int(part)
    return msgspec.convert({"total": total, "media": media}, Capacity)


def _active(text: str) -> bool:
    known_words = {"true": True, "false": False, "yes": True, "no": False, "1": True, "0": False}
    return known_words[text.lower()]


def _optional(text: str) -> str | None:
    return text or None


COLUMNS: Final[dict[str, tuple[str, Callable[[str], Any], str]]] = {
    "id": ("id", str, "an id"),
    "name": ("name", str, "a name"),
    "userLogin": ("user_login", _optional, "a login"),
    "employeeId": ("employee_id", _optional, "an id"),
    "active": ("active", _active, "true or false"),
    "groups": ("groups", _names, "groups joined by |"),
    "skills": (
        "skills",
        _skills,
        "skills with levels 1 to 10, for example motor:7|german:10",
    ),
    "capacity": ("capacity", _capacity, "a number, for example 3 or 3|email:2"),
    "timeZone": ("time_zone", str, "a time zone"),
    "workingHours": ("working_hours", _optional, "the id of a calendar"),
}
"""Column → field, reader, and what is to be in it."""


async def import_csv(
    editor: Editor, content: bytes, *, dry_run: bool, create: frozenset[str] = frozenset()
) -> AgentImport:
    """Creates and updates the agents of a CSV file. Columns that it lacks stay as they are; nobody is deleted."""
    editor.caller.require("agents.update")
    if create - set(CREATABLE):
        raise InvalidInputError(
            f"create is '{','.join(sorted(create))[:80]}'",
            field="create",
            hint="use skills, groups or skills,groups",
        )
    table = read_csv(content)
    unknown = [c for c in table.columns if c not in COLUMNS]
    if unknown or "id" not in table.columns:
        what = f"there is no column '{unknown[0][:80]}'" if unknown else "the column id is missing"
        raise InvalidInputError(what, field="line 1", hint=f"use {', '.join(COLUMNS)}")
    if len(table.rows) > MAX_AGENTS:
        raise InvalidInputError(
            f"the file has more than {MAX_AGENTS} agents", field="body", hint="send it in parts"
        )
    present = {a.id: profile_of(a) for a in await agent_use.all_agents(editor.services)}
    about = await known(editor)
    profiles, new_skills, new_groups = _profiles(table.rows, present, about, create)
    told = [
        _difference(line, present.get(p.id), p, [c for c in table.columns if c != "id"])
        for line, p in profiles
    ]
    if not dry_run:
        changed = [p for p in (p for _, p in profiles) if present.get(p.id) != p]
        made = [*((SKILLS.stored, s) for s in new_skills), *((GROUPS.stored, g) for g in new_groups)]
        for start in range(0, len(changed), CHUNK):
            await save(editor, changed[start : start + CHUNK], create=made if start == 0 else ())
    return AgentImport(
        dry_run=dry_run,
        created=sum(d.change == "created" for d in told),
        updated=sum(d.change == "updated" for d in told),
        unchanged=sum(d.change == "unchanged" for d in told),
        skills_created=new_skills,
        groups_created=new_groups,
        agents=told,
    )


def _profiles(
    rows: list[CsvRow], present: dict[str, AgentProfile], about: Known, create: frozenset[str]
) -> tuple[list[tuple[int, AgentProfile]], list[str], list[str]]:
    """The profiles that the rows make, with the skills and groups to create; raises with all faults."""
    faults: list[dict[str, Any]] = []
    found: list[tuple[int, AgentProfile]] = []
    seen: set[str] = set()
    for row in rows:
        profile = _profile(row, present, faults)
        if profile is None:
            continue
        if profile.id in seen:
            faults.append(_fault(row.line, "id", f"'{profile.id}' comes twice", "name each agent once"))
        seen.add(profile.id)
        found.append((row.line, profile))
    skills = sorted({s.skill for _, p in found for s in p.skills} - about.skills)
    groups = sorted({g for _, p in found for g in p.groups} - about.groups)
    new_skills = [s for s in skills if ID.fullmatch(s)] if "skills" in create else []
    new_groups = [g for g in groups if ID.fullmatch(g)] if "groups" in create else []
    allowed = msgspec.structs.replace(
        about, skills=about.skills | set(new_skills), groups=about.groups | set(new_groups)
    )
    for line, profile in found:
        for fault in faults_of(profile, allowed):
            hint = fault["hint"]
            if "/skills" in hint or "/groups" in hint:
                hint = f"{hint}, or import with ?create=skills,groups"
            faults.append(_fault(line, fault["field"], fault["message"], hint))
    raise_faults(faults)
    return found, new_skills, new_groups


def _profile(
    row: CsvRow, present: dict[str, AgentProfile], faults: list[dict[str, Any]]
) -> AgentProfile | None:
    before = present.get(row.cells["id"])
    values: dict[str, Any] = {}
    for column, text in row.cells.items():
        field, read, form = COLUMNS[column]
        if text == "" and field in ("active", "capacity", "time_zone"):
            continue
        try:
            values[field] = read(text)
        except (ValueError, KeyError, msgspec.ValidationError):
            faults.append(_fault(row.line, column, f"'{text[:80]}' is not {form}", "correct the cell"))
            return None
    if before is None:
        values.setdefault("name", values["id"])
    elif not values.get("name"):
        values.pop("name", None)
    made = msgspec.structs.replace(before, **values) if before else AgentProfile(**values)
    try:
        return msgspec.convert(msgspec.to_builtins(made), AgentProfile)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `$.")
        faults.append(_fault(row.line, at.rstrip("`") or "id", message, "correct the cell"))
        return None


def _fault(line: int, field: str, message: str, hint: str) -> dict[str, Any]:
    return {"field": f"line {line}.{field}", "message": message, "hint": hint}


def _difference(
    line: int, before: AgentProfile | None, after: AgentProfile, columns: list[str]
) -> AgentDifference:
    fields = []
    if before is None:
        for column in columns:
            value = msgspec.to_builtins(getattr(after, COLUMNS[column][0]))
            if value not in (None, [], {}):
                fields.append(FieldDifference(column, after=value))
        return AgentDifference(line=line, agent=after.id, change="created", fields=fields)
    for column in columns:
        name = COLUMNS[column][0]
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            fields.append(FieldDifference(column, msgspec.to_builtins(old), msgspec.to_builtins(new)))
    return AgentDifference(
        line=line, agent=after.id, change="updated" if fields else "unchanged", fields=fields
    )


def export_csv(agents: Iterable[AgentProfile]) -> bytes:
    """A file that `import_csv` reads back without a change."""
    return write_csv(list(COLUMNS), (_cells(a) for a in agents))


async def export_all(editor: Editor) -> bytes:
    """All agents of the tenant as CSV, by name."""
    editor.caller.require("agents.view")
    return export_csv(profile_of(a) for a in await agent_use.all_agents(editor.services))


def _cells(agent: AgentProfile) -> list[str]:
    skills = [
        f"{s.skill}:{s.level}" + (f"@{s.until.isoformat()}" if s.until is not None else "")
        for s in agent.skills
    ]
    limits = [str(agent.capacity.total), *(f"{m}:{n}" for m, n in agent.capacity.media.items())]
    return [
        *(agent.id, agent.name, agent.user_login or "", agent.employee_id or ""),
        *("true" if agent.active else "false", "|".join(agent.groups), "|".join(skills)),
        *("|".join(limits), agent.time_zone, agent.working_hours or ""),
    ]
