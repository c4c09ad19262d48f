"""Whatever comes in as a file, a rule set or a cursor is read, or refused in words: no other error gets out."""

from __future__ import annotations

import io
from collections.abc import Callable
from copy import deepcopy
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.adapters.files.source import form_of
from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import OpenIwdError
from openiwd.domain.rule_set import parse_document
from openiwd.domain.rule_set_compiler import compile_rule_set
from openiwd.domain.search_mark import Mark, decode_mark, encode_mark
from openiwd.usecases.event_log import read_cursor
from openiwd.usecases.rule_set import read_source
from tests.unit.test_capture_files import HEAD, workbook

FOLDER = FileSource(folder="x")
SHEET = workbook(
    HEAD + "<row r='2'><c r='A2'><v>1</v></c><c r='C2' s='1'><v>46204.5</v></c></row>", "<si><t>w</t></si>"
)
SOUND: dict[str, bytes] = {
    "a.csv": b'id;name\n1;"a;""b"""\n2;c\n',
    "a.json": b'[{"id": 1, "x": {"y": []}}, {"id": 2.5e3, "t": "\\u00fc"}]',
    "a.ndjson": b'{"id": 1}\n{"id": null}\n',
    "a.xml": b'<?xml version="1.0" encoding="latin-1"?><l><i id="1"><n>M\xfcller</n></i><i id="2"/></l>',
    "a.xlsx": SHEET,
}
NASTY = st.sampled_from(
    [b"\x00", b"\xff\xfe", b"\xe2\x80\xae", b'"', b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"<![CDATA[",
     b"{" * 2_000, b"[" * 2_000, b"9" * 500, b"1e999", b"\\ud800", b"\r", b"PK\x05\x06", b"-0", b"NaN"]
)  # fmt: skip
PIECES = st.binary(max_size=4) | NASTY
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 6), PIECES), min_size=1, max_size=4)
TEXTS = st.text(max_size=12) | st.sampled_from(
    ["\x00", "\u202e", "\ud800", "9" * 400, "1e999", "(", "2d", "all"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
CONDITION = st.recursive(
    st.fixed_dictionaries(
        {
            "attribute": st.sampled_from(
                ["subject", "data.kind", "data.n", "ext.x", "now", "overdue", "tags"]
            )
            | TEXTS,
            "operator": st.sampled_from(
                ["eq", "in", "between", "olderThan", "matches", "contains", "isSet", "lt"]
            ),
            "value": JSON,
        }
    ),
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, max_size=2)}) | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=3,
)
YAML = [
    "a: ",
    "- ",
    "&x ",
    "*x",
    "\n",
    " ",
    "[",
    "{",
    "'",
    "!!binary ",
    "2026-02-30",
    "? ",
    "<<: ",
    "name: T",
    "rules: ",
]
DOCUMENT: dict[str, Any] = {
    "name": "Test",
    "timeZone": "UTC",
    "schemas": [{"id": "s", "name": "S", "points": [{"age": "0h", "priority": 1}], "sla": "8h"}],
    "queues": [{"id": "q", "name": "Q", "offerTimeout": "30s", "delivery": "both"}],
    "rules": [{"id": "r", "when": {"attribute": "tags", "operator": "isSet"}, "then": [{"reject": "spam"}]}],
    "categories": [
        {"id": "c", "name": "C", "schema": "s", "queue": "q", "requirement": {"skills": [{"skill": "m", "level": 5}]},
         "when": {"attribute": "data.kind", "operator": "eq", "value": "claim"}, "dispositions": ["paid"]}
    ],
}  # fmt: skip


def edited(content: bytes, edits: list[tuple[float, int, bytes]]) -> bytes:
    """Pieces put in the place of some bytes."""
    for place, cut, piece in edits:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + cut :]
    return content


def is_taken_or_refused_in_words(act: Callable[[], object]) -> bool:
    try:
        act()
    except OpenIwdError as error:
        return bool(str(error))
    return True


def consumed(name: str, content: bytes) -> None:
    for row in form_of(name, FOLDER).rows(io.BytesIO(content), FOLDER):
        assert row.fault is None or isinstance(row.fault, OpenIwdError)


def judged(document: Any) -> None:
    compile_rule_set(parse_document(document), 1, {}, ZoneInfo("UTC"))


@given(st.sampled_from(sorted(SOUND)), EDITS)
@settings(max_examples=150, derandomize=True)
def test_a_sound_file_that_was_mangled(name: str, edits: list[tuple[float, int, bytes]]) -> None:
    assert is_taken_or_refused_in_words(lambda: consumed(name, edited(SOUND[name], edits)))


@given(st.sampled_from(sorted(SOUND)), st.lists(PIECES, max_size=12))
@settings(max_examples=100, derandomize=True)
def test_any_bytes_under_any_name(name: str, pieces: list[bytes]) -> None:
    assert is_taken_or_refused_in_words(lambda: consumed(name, b"".join(pieces)))


@given(st.text(max_size=200) | st.lists(st.sampled_from(YAML), max_size=12).map("".join))
@settings(max_examples=150, derandomize=True)
def test_any_text_as_a_rule_set(text: str) -> None:
    assert is_taken_or_refused_in_words(lambda: judged(read_source(text)))


@given(st.data(), JSON | CONDITION)
@settings(max_examples=150, derandomize=True)
def test_a_rule_set_with_something_else_in_one_place(data: st.DataObject, value: Any) -> None:
    document = deepcopy(DOCUMENT)
    node: Any = document
    while True:
        key = data.draw(st.sampled_from(sorted(node) if isinstance(node, dict) else range(len(node))))
        if not isinstance(node[key], dict | list) or not node[key] or data.draw(st.integers(0, 3)) == 0:
            node[key] = value
            break
        node = node[key]
    assert is_taken_or_refused_in_words(lambda: judged(document))


@given(CONDITION)
@settings(max_examples=150, derandomize=True)
def test_any_condition_of_a_rule(condition: dict[str, Any]) -> None:
    document = deepcopy(DOCUMENT)
    document["rules"][0]["when"] = condition
    assert is_taken_or_refused_in_words(lambda: judged(document))


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda b: b.decode("latin-1")))
@settings(derandomize=True)
def test_any_text_as_a_place_to_go_on(text: str) -> None:
    mark = decode_mark(text)
    assert mark is None or isinstance(mark, Mark)
    assert is_taken_or_refused_in_words(lambda: read_cursor(text))


@given(EDITS)
@settings(derandomize=True)
def test_a_mark_that_was_tampered_with(edits: list[tuple[float, int, bytes]]) -> None:
    sound = encode_mark(Mark("f" * 18, 1_700_000_000_000_000, 1, ["a", None])).encode()
    mark = decode_mark(edited(sound, edits).decode("latin-1"))
    assert mark is None or isinstance(mark.now, int)
