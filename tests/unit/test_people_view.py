"""Differences, faults of files and long lists as people read them."""

from __future__ import annotations

from typing import Any

import pytest

from openiwd.domain.errors import InvalidInputError
from openiwd.domain.privilege import Caller, Role, Scope, role_privileges
from openiwd.usecases.csv_table import read_csv, write_csv
from openiwd.web.access.grant_view import matrix_of, role_options
from openiwd.web.people.difference_view import Change, changes_of, value_text
from openiwd.web.people.import_view import faulty
from openiwd.web.shell.catalogue import load_catalogues
from openiwd.web.shell.listing import address, part_of

EN = load_catalogues()["en"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        ([], "–"),
        ({}, "–"),
        ("", "–"),
        (0, "0"),
        (False, "false"),
        (["motor", "service"], "motor, service"),
        ([{"skill": "motor", "level": 7}, {"skill": "german", "level": 9}], "motor 7, german 9"),
        ({"skill": "motor", "level": 7, "until": "2031-01-01"}, "motor 7 → 2031-01-01"),
        ({"total": 4, "media": {"email": 2}}, "4, email 2"),
        ({"start": "a", "end": "b", "reason": "Holiday"}, "a – b (Holiday)"),
        ({"odd": 1}, '{"odd":1}'),
        ("x" * 400, "x" * 300 + "…"),
    ],
)
def test_a_value_in_one_line(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_only_what_differs_is_told() -> None:
    before = {"name": "A", "role": "viewer", "revision": 1, "groups": ["x"]}
    after = {"name": "A", "role": "supervisor", "revision": 2, "groups": []}
    assert changes_of(before, after) == [Change("role", "viewer", "supervisor"), Change("groups", "x", "–")]


def test_what_is_new_is_told_without_its_empty_fields() -> None:
    assert changes_of(None, {"id": "a", "groups": [], "agentId": None}) == [Change("id", None, "a")]
    assert changes_of({"id": "a", "note": ""}, None) == [Change("id", "a", None)]


def test_faults_of_a_file_name_line_and_column() -> None:
    errors = [
        {"field": "line 3.skills[1].skill", "message": "no skill", "hint": "PUT /skills/{id}"},
        {"field": "line 1", "message": "no column", "hint": "use id"},
        {"field": "body", "message": "too large", "hint": None},
    ]
    found = faulty(InvalidInputError("no skill", errors=errors), EN).faults
    assert [(f.line, f.column) for f in found] == [("3", "skills"), ("1", ""), ("", "body")]
    assert "Create missing skills" in found[0].hint


def test_a_page_of_a_list_and_the_way_to_those_beside_it() -> None:
    part, pager = part_of(range(120), "2", "/list", {"q": "a b"}, EN)
    assert list(part) == list(range(50, 100))
    assert pager == ("51–100 of 120", "/list?q=a+b", "/list?q=a+b&page=3")
    last, _ = part_of(range(120), "99", "/list", {}, EN)
    assert list(last) == list(range(100, 120))
    assert part_of([], "x", "/list", {}, EN)[1] == ("0 entries", None, None)


def test_an_address_says_only_what_is_chosen() -> None:
    assert address("/a", {"q": "", "n": None}) == "/a"
    assert address("/a", {"q": "ä&b"}) == "/a?q=%C3%A4%26b"


@pytest.mark.parametrize(
    "cell",
    [
        *("", "a", "=1+1", "'=x", "''=y", "'plain", "-5", "+49 40", "@x", 'q"uo,te', "a\nb"),
        *("\t=1", "\r=1", "\t", "'\t", "x;=1+1"),
    ],
)
def test_cells_come_back_as_they_were(cell: str) -> None:
    table = read_csv(write_csv(["key", "value"], [["k", cell]]))
    assert table.rows[0].cells == {"key": "k", "value": cell.strip()}


@pytest.mark.parametrize(
    ("cell", "written"),
    [("\t=1", '"\'\t=1"'), ("\r=1", '"\'\r=1"'), ("@x", '"\'@x"'), ("x;=1+1", '"x;=1+1"'), ("-5", '"-5"')],
)
def test_no_spreadsheet_takes_a_cell_for_a_formula(cell: str, written: str) -> None:
    assert write_csv(["key"], [[cell]]).decode() == f'\ufeff"key"\r\n{written}\r\n'


def caller(role: Role, *, grouped: bool = False) -> Caller:
    return Caller(
        tenant_id="t", actor="user:x", name="x", role=role, privileges=role_privileges(role, grouped=grouped)
    )


def test_roles_are_offered_up_to_ones_own() -> None:
    assert [r for r, _ in role_options(caller(Role.ADMINISTRATOR), EN)] == [r.value for r in Role]
    assert [r for r, _ in role_options(caller(Role.SUPERVISOR), EN)] == ["agent", "viewer", "supervisor"]
    limited = [r for r, _ in role_options(caller(Role.ADMINISTRATOR, grouped=True), EN)]
    assert limited == [r.value for r in Role], "for members of the same access groups"


def test_the_matrix_has_every_privilege_of_a_tenant_once() -> None:
    lines = [line for part in matrix_of(EN) for line in part.lines]
    names = [line.privilege for line in lines]
    administrator = role_privileges(Role.ADMINISTRATOR, grouped=False)
    assert sorted(names) == sorted(administrator)
    read = next(line for line in lines if line.privilege == "workitems.read")
    assert [c.scope for c in read.cells] == [Scope.OWN, Scope.ALL, Scope.ALL, Scope.ALL, Scope.ALL]
