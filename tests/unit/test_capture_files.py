"""Files as they come: forms, encodings, nasty ones, broken ones; and files that come back can be dropped again."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openiwd.adapters.files.folder import Folder
from openiwd.adapters.files.json_form import BLOCK, JsonForm
from openiwd.adapters.files.row import BrokenFileError, Form, Rejected, Row
from openiwd.adapters.files.source import form_of
from openiwd.adapters.files.xlsx_form import XlsxForm
from openiwd.domain.capture.point import FileSource
from openiwd.domain.errors import InvalidInputError

FOLDER = FileSource(folder="x")


def rows(name: str, content: bytes | str, **fields: Any) -> list[Row]:
    made = FileSource(folder="x", **fields)
    data = content.encode() if isinstance(content, str) else content
    return list(form_of(name, made).rows(io.BytesIO(data), made))


def read(name: str, content: bytes | str, **fields: Any) -> list[dict[str, Any]]:
    return [row.fields for row in rows(name, content, **fields)]


def until_broken(name: str, content: bytes) -> tuple[list[Row], BrokenFileError]:
    """The rows before a file breaks off, which it must."""
    found: list[Row] = []
    each = form_of(name, FOLDER).rows(io.BytesIO(content), FOLDER)
    while True:
        try:
            found.append(next(each))
        except BrokenFileError as error:
            return found, error


# CSV ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "fields"),
    [
        ("utf-8", {}),
        ("utf-8-sig", {}),
        ("utf-16", {}),
        ("latin-1", {}),
        ("cp1252", {}),
        ("latin-1", {"encoding": "latin-1"}),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_table_is_read_whatever_its_encoding_and_separator(
    encoding: str, separator: str, fields: dict[str, Any]
) -> None:
    text = f'id{separator}Straße\r\n1{separator}"Müller{separator} ""Söhne"""\r\n\r\n2{separator}\r\n'
    found = read("a.csv", text.encode(encoding), **fields)
    assert found == [{"id": "1", "Straße": f'Müller{separator} "Söhne"'}, {"id": "2"}]


def test_a_wrong_encoding_is_said() -> None:
    with pytest.raises(BrokenFileError, match="0xfc"):
        read("a.csv", "id,name\n1,Müller\n".encode("latin-1"), encoding="utf-8")


def test_a_broken_row_is_a_fault_and_the_others_are_read() -> None:
    found = rows("a.csv", 'id,name\n1,"a" b\n2,x,y\n3,c\n')
    assert [r.fault is None for r in found] == [False, False, True]
    assert found[2].fields == {"id": "3", "name": "c"}


def test_a_quotation_mark_that_never_ends_is_a_fault() -> None:
    found = rows("a.csv", 'id,name\n1,a\n2,"b\n3,c\n')
    assert found[0].fields == {"id": "1", "name": "a"}
    assert found[-1].fault is not None
    assert found[-1].fault.message.startswith("the record in lines 3 to 4 cannot be read"), "where it begins"


def test_a_table_that_is_cut_in_the_middle_of_a_row_says_so() -> None:
    whole = "id;name;kind\n1;a;x\n2;b;y\n3;Mü"
    found = rows("a.csv", whole)
    assert [r.fault is None for r in found] == [True, True, False]
    assert found[-1].fault is not None
    assert "ends in the middle of this row" in found[-1].fault.message
    assert [r.fault is None for r in rows("a.csv", f"{whole}\n")] == [True] * 3, "it ends, and is short"
    assert [r.fault is None for r in rows("a.csv", f"{whole};z")] == [True] * 3, "it is whole"
    short = "id;name;kind\n1;a\n2;b"
    assert [r.fault is None for r in rows("a.csv", short)] == [True, True], "rows are short there"


def test_a_file_that_is_cut_in_the_middle_of_a_letter_is_not_taken_for_another_encoding() -> None:
    text = "id;name\n1;Müller\n2;Strauß\n".encode()
    first, last = rows("a.csv", text[:-2])
    assert (first.fields, first.fault) == ({"id": "1", "name": "Müller"}, None)
    assert last.fault is not None
    assert "the byte 0xc3" in last.fault.message
    first, last = rows("a.ndjson", '{"id": "ü"}\n{"id": "ü'.encode()[:-1])
    assert (first.fields, last.fault is None) == ({"id": "ü"}, False)
    assert read("a.csv", "id;name\n1;Café".encode("latin-1")) == [{"id": "1", "name": "Café"}]
    assert read("a.csv", "id;name\n1;ü\n2;Café".encode("latin-1"))[1]["name"] == "Café"


def test_a_damaged_byte_concerns_its_row_alone() -> None:
    """Before, all of the file was taken for Windows-1252 then, and every other letter was a wrong one."""
    for mark in (b"", b"\xef\xbb\xbf"):
        text = mark + "id;name\n1;Müller\n2;Bä".encode() + b"\xffr\n" + "3;Größe\n".encode()
        found = rows("a.csv", text)
        assert [row.fields["name"] for row in found if row.fault is None] == ["Müller", "Größe"]
        assert [row.fault.code for row in found if row.fault is not None] == ["invalidText"]
        lines = mark + '{"n": "Müller"}\n{"n": "Bä'.encode() + b'\xffr"}\n' + '{"n": "Größe"}'.encode()
        found = rows("a.ndjson", lines)
        assert [row.fields for row in found if row.fault is None] == [{"n": "Müller"}, {"n": "Größe"}]
        assert len(found) == 3
    listed = '[{"n": "Müller"}, {"n": "Bä'.encode() + b'\xffr"}, ' + '{"n": "Größe"}]'.encode()
    assert [row.fields.get("n") for row in rows("a.json", listed)][::2] == ["Müller", "Größe"]
    with pytest.raises(BrokenFileError, match="the byte 0xff"):
        read("a.csv", "id;Größe;Straße".encode() + b"\xff\n1;2;3\n")


def test_the_first_row_names_the_columns_once() -> None:
    with pytest.raises(BrokenFileError, match="two columns are called 'id'"):
        read("a.csv", "id,ID\n1,2\n".replace("ID", "id"))
    assert read("a.csv", "sep=;\nid;b\n1;2\n") == [{"id": "1", "b": "2"}]
    assert read("a.csv", "") == []
    assert read("a.csv", "id,name\n") == []


# JSON -----------------------------------------------------------------------------------------------------------------


@given(
    values=st.lists(
        st.dictionaries(st.text(max_size=6), st.text(max_size=20) | st.lists(st.integers(), max_size=3))
    ),
    indent=st.sampled_from([None, 2]),
    shift=st.integers(0, 40),
)
@settings(max_examples=60)
def test_a_list_is_read_wherever_blocks_end(
    values: list[dict[str, Any]], indent: int | None, shift: int
) -> None:
    values = [{"filler": '\\"' * (BLOCK // 4 - 10) + "x" * shift}, *values]
    text = json.dumps(values, indent=indent, ensure_ascii=shift % 2 == 0)
    own = {"iwdstatus", "iwderror"}
    expected = [{k: v for k, v in value.items() if k.casefold() not in own} for value in values]
    assert read("a.json", text.encode("utf-8", "surrogatepass")) == expected


def test_json_in_all_its_ways() -> None:
    assert read("a.json", '\ufeff {"a": [1, {"b": "]}"}]}') == [{"a": [1, {"b": "]}"}]}]
    assert read("a.json", '{"a": 1}\n{"a": 2}') == [{"a": 1}, {"a": 2}]
    assert read("a.ndjson", '{"a": 1}\r\n\r\n{"a": 2}') == [{"a": 1}, {"a": 2}]
    assert read("a.json", " [ ] ") == []
    found = rows("a.json", '[{"a": 1}, 7, {"a" 2}, {"a": 3}]')
    assert [r.fault is None for r in found] == [True, False, False, True]


@pytest.mark.parametrize("text", ["", "7", '[{"a": 1}, {"a": ', '[{"a": 1}]]', '[{"a": 1}', '{"a": "x'])
def test_a_file_that_is_broken_off_says_so_after_what_was_sound(text: str) -> None:
    found, _ = until_broken("a.json", text.encode())
    assert all(row.fault is None for row in found)
    assert len(found) == (1 if text.startswith('[{"a": 1}') else 0)


# XML ------------------------------------------------------------------------------------------------------------------

GTL = """<?xml version="1.0" encoding="ISO-8859-1"?>
<gtl:GTLMessages xmlns:gtl="urn:x" xmlns:xsi="y" xsi:schemaLocation="z">
  <CreateTask CaptureId="a" BusinessValue="7"><Subject>Müller &amp; Co</Subject>
    <Ext><CustomerId>4711</CustomerId></Ext><Data><kind>claim</kind><pair key="line" value="motor"/></Data></CreateTask>
  <HoldTaskByCaptureId><CaptureId>a</CaptureId><Reason>x</Reason></HoldTaskByCaptureId>
  <GetTaskInfo CaptureId="a"/><Ping/>
</gtl:GTLMessages>
"""


def test_messages_as_elements() -> None:
    found = rows("a.xml", GTL.encode("latin-1"))
    assert [r.message for r in found] == ["Create", "Hold", "GetInfo", "Ping"]
    assert found[0].fields == {
        "CaptureId": "a", "BusinessValue": "7", "Subject": "Müller & Co", "ext.CustomerId": "4711",
        "data.kind": "claim", "data.line": "motor",
    }  # fmt: skip
    assert found[1].fields == {"CaptureId": "a", "Reason": "x"}


def test_the_native_form_of_interactions() -> None:
    text = """<messages><interaction operation="submit" ExternalId="a" MediaType="workitem">
      <UserData><kind>claim</kind></UserData></interaction>
      <interaction operation="stop" ExternalId="a"/><interaction/></messages>"""
    found = rows("a.xml", text)
    assert [r.message for r in found] == ["submit", "stop", None]
    assert found[0].fields == {"ExternalId": "a", "MediaType": "workitem", "data.kind": "claim"}
    assert found[2].fault is not None
    assert [r.message for r in rows("a.xml", '<interaction operation="getinfo" ExternalId="a"/>')] == [
        "getinfo"
    ]


def test_records_of_any_other_xml() -> None:
    text = "<orders><order no='1'><line>a</line><line>b</line><to><city>Ulm</city></to></order></orders>"
    assert read("a.xml", text) == [{"no": "1", "line": ["a", "b"], "to": {"city": "Ulm"}}]


BOMBS = {
    "entities": '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x><y>&b;</y></x>',
    "outside": '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x><y>&a;</y></x>',
    "doctype": '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
    "deep": "<x>" + "<y>" * 100 + "</y>" * 100 + "</x>",
    "wide": "<x><r>" + "<y/>" * 6_000 + "</r></x>",
    "long": "<x><r>" + "y" * (1024 * 1024 + 1) + "</r></x>",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_xml_bombs_are_refused(bomb: str) -> None:
    with pytest.raises(BrokenFileError):
        read("a.xml", BOMBS[bomb])


def test_xml_that_is_broken_off_gives_what_was_whole() -> None:
    found, error = until_broken("a.xml", b"<x><CreateTask CaptureId='a'/><CreateTask Cap")
    assert [row.fields for row in found] == [{"CaptureId": "a"}]
    assert "no sound XML" in error.message


# Workbooks ------------------------------------------------------------------------------------------------------------

STYLES = """<styleSheet xmlns="m"><numFmts count="4"><numFmt numFmtId="166" formatCode="[h]:mm;@"/>
<numFmt numFmtId="167" formatCode='[Red]0.0\\h "hours"'/><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/>
<numFmt numFmtId="165" formatCode='0 "days"'/></numFmts>
<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="165"/>
<xf numFmtId="166"/><xf numFmtId="46"/><xf numFmtId="167"/></cellXfs></styleSheet>"""


def workbook(cells: str, shared: str = "", book: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="m" xmlns:r="r">{book}<sheets><sheet name="Main" r:id="r1"/>'
            '<sheet name="Other" r:id="r2"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="r1" Target="worksheets/a.xml"/>'
            '<Relationship Id="r2" Target="/xl/worksheets/b.xml"/></Relationships>',
        )
        archive.writestr("xl/worksheets/a.xml", f"<worksheet><sheetData>{cells}</sheetData></worksheet>")
        archive.writestr(
            "xl/worksheets/b.xml",
            "<worksheet><sheetData><row><c t='str'><v>z</v></c></row>"
            "<row><c><v>1</v></c></row></sheetData></worksheet>",
        )
        archive.writestr("xl/styles.xml", STYLES)
        if shared:
            archive.writestr("xl/sharedStrings.xml", f"<sst>{shared}</sst>")
    return out.getvalue()


HEAD = "<row r='1'><c r='A1' t='inlineStr'><is><t>id</t></is></c><c r='C1' t='s'><v>0</v></c></row>"


def cell(inner: str, **attributes: str) -> Any:
    """What one cell of column C becomes."""
    told = "".join(f" {k}='{v}'" for k, v in attributes.items())
    body = f"<row r='4'><c r='A4'><v>7</v></c><c r='C4'{told}>{inner}</c></row>"
    shared = "<si><t>when</t></si><si><r><t>Mü</t></r><r><t>ller</t></r><rPh><t>no</t></rPh></si>"
    (row,) = rows("a.xlsx", workbook(HEAD + body, shared))
    assert row.fields.get("id") == 7
    return row.fault if row.fault is not None else row.fields.get("when")


def test_cells_of_a_workbook() -> None:
    assert cell("<v>1</v>", t="s") == "Müller"
    assert cell("<v>46204.5</v>", s="1") == datetime.fromisoformat("2026-07-01T12:00")
    assert cell("<v>46204</v>", s="2") == datetime.fromisoformat("2026-07-01")
    assert cell("<v>0.5</v>", s="1") == "12:00:00"
    assert cell("<v>46204</v>", s="3") == 46204, "a number of days is no date"
    assert cell("<v>1</v>", t="b") is True
    assert cell("<v>12.5</v>") == 12.5
    assert cell("<v>1E+3</v>") == 1000.0
    assert cell("<f>A4*2</f><v>14</v>") == 14
    assert cell("<f>X</f><v>text</v>", t="str") == "text"
    assert cell("") is None


def test_odd_dates_of_a_workbook() -> None:
    assert cell("<v>1</v>", s="1") == datetime.fromisoformat("1900-01-01"), "as a spreadsheet shows it"
    assert cell("<v>59</v>", s="1") == datetime.fromisoformat("1900-02-28")
    assert cell("<v>61</v>", s="1") == datetime.fromisoformat("1900-03-01")
    assert cell("<v>2958465</v>", s="1") == datetime.fromisoformat("9999-12-31")
    assert cell("<v>46204.99999999</v>", s="1") == datetime.fromisoformat("2026-07-02"), "to the second"
    assert cell("<f>NOW()</f><v>46204.75</v>", s="2") == datetime.fromisoformat("2026-07-01T18:00")
    assert cell("<v>2026-07-01T12:00:00</v>", t="d", s="1") == "2026-07-01T12:00:00"
    assert cell("<v>1.5</v>", s="4") == "36:00:00", "a duration is no day in 1899"
    assert cell("<v>0.25</v>", s="5") == "06:00:00"
    assert cell("<v>-0.5</v>", s="5") == "-12:00:00"
    assert cell("<v>1.5</v>", s="6") == 1.5, "a number with words"
    for nothing in ("60", "60.5", "-1", "2958465.9999999999", "2958466", "1e300"):
        fault = cell(f"<v>{nothing}</v>", s="1")
        assert isinstance(fault, InvalidInputError), nothing
        assert (fault.field, "is no date" in fault.message) == ("when", True)


def test_formulas_of_a_workbook_count_by_what_is_stored() -> None:
    assert cell("<f t='shared' si='0'/><v>9</v>") == 9
    assert cell("<f t='array' ref='C4'>SUM(A1:A2)</f><v>2.5</v>") == 2.5
    assert cell("<f>A1=1</f><v>1</v>", t="b") is True
    assert cell("<f>A1&amp;&quot;&quot;</f><v></v>", t="str") is None, "an empty text says nothing"
    for fault in (
        cell("<f>1/0</f><v>#N/A</v>", t="e"),
        cell("<f>NOW()</f>", s="1"),
        cell("<f>A1</f>", t="str"),
    ):
        assert isinstance(fault, InvalidInputError)
        assert fault.field == "when"


def test_a_workbook_that_is_damaged_half_way_gives_what_stood_before() -> None:
    body = "".join(f"<row r='{n}'><c r='A{n}'><v>{n * 7919 % 99991}</v></c></row>" for n in range(2, 60_000))
    content = bytearray(workbook(HEAD + body, "<si><t>when</t></si>"))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.getinfo("xl/worksheets/a.xml")
    middle = sheet.header_offset + sheet.compress_size * 3 // 4
    content[middle : middle + 64] = bytes(64)
    found, error = until_broken("a.xlsx", bytes(content))
    assert len(found) > 1_000
    assert [row.fields["id"] for row in found[:3]] == [n * 7919 % 99991 for n in (2, 3, 4)]
    assert "no sound workbook" in error.message


def test_cells_that_hold_no_value_are_faults_with_their_column() -> None:
    for fault in (cell("<v>#DIV/0!</v>", t="e"), cell("<f>A4*2</f>"), cell("<v>1e999</v>")):
        assert isinstance(fault, InvalidInputError)
        assert fault.field == "when"
        assert fault.hint


def test_sheets_are_chosen_and_dates_count_from_1904_where_the_book_says_so() -> None:
    body = HEAD + "<row r='2'><c r='A2' s='1'><v>44742</v></c></row>"
    shared = "<si><t>when</t></si>"
    assert read("a.xlsx", workbook(body, shared, "<workbookPr date1904='1'/>")) == [
        {"id": datetime.fromisoformat("2026-07-01")}
    ]
    assert read("a.xlsx", workbook(body, shared), sheet="Other") == [{"z": 1}]
    with pytest.raises(BrokenFileError, match="no sheet 'Nope'"):
        read("a.xlsx", workbook(body, shared), sheet="Nope")


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04 nothing", b"", b"<html>", workbook(HEAD, "<si><t>a</t></si>")[:-60]]
)
def test_what_is_no_workbook_is_refused(content: bytes) -> None:
    with pytest.raises(BrokenFileError, match="no sound workbook"):
        read("a.xlsx", content)


def test_a_workbook_with_a_document_type_is_refused() -> None:
    content = workbook("<row/>", '<si><t>a</t></si></sst><!DOCTYPE x [<!ENTITY a "b">]>')
    with pytest.raises(BrokenFileError):
        read("a.xlsx", content)


def test_columns_out_of_place_are_refused() -> None:
    with pytest.raises(BrokenFileError, match="out of place"):
        read("a.xlsx", workbook("<row><c r='ZZZ1'><v>1</v></c></row>"))


# What comes back ------------------------------------------------------------------------------------------------------


def back(name: str, content: bytes) -> bytes:
    """The file with all of its rows rejected."""
    form: Form = form_of(name, FOLDER)
    found = list(form.rows(io.BytesIO(content), FOLDER))
    kept = [msgspec.json.decode(msgspec.json.encode(row.kept)) for row in found]
    out = io.BytesIO()
    form.write(out, form.head(), iter([Rejected(k, 'wrong: "<x>", =1+1') for k in kept]))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b'id;name\n1;"a;""b"""\n2;c\n'),
        ("a.json", b'[{"id": 1, "x": {"y": []}}, {"id": 2}]'),
        ("a.ndjson", b'{"id": 1}\n{"id": 2}\n'),
        ("a.xml", GTL.encode("latin-1")),
        (
            "a.xlsx",
            workbook(
                HEAD + "<row r='2'><c r='A2'><v>1</v></c><c r='C2' t='str'><v>&lt;=1</v></c></row>",
                "<si><t>w</t></si>",
            ),
        ),
    ],
)
def test_a_file_that_comes_back_says_why_and_reads_the_same_again(name: str, content: bytes) -> None:
    returned = back(name, content)
    told = (
        returned
        if name != "a.xlsx"
        else zipfile.ZipFile(io.BytesIO(returned)).read("xl/worksheets/sheet1.xml")
    )
    assert b"iwdStatus" in told
    assert b"wrong:" in told
    first, second = rows(name, content), rows(name, returned)
    assert [(r.fields, r.message) for r in second] == [(r.fields, r.message) for r in first]


# Size -----------------------------------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """A file of many rows that is made while it is read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while len(self._rest) < len(buffer):
            part = next(self._parts, None)
            if part is None:
                break
            self._rest += part
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def peak(form: Form, file: IO[bytes]) -> tuple[int, int]:
    tracemalloc.start()
    try:
        count = sum(1 for _ in form.rows(file, FOLDER))
        return count, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_workbook_of_many_rows_needs_little_memory() -> None:
    count = 30_000
    out = io.BytesIO()
    XlsxForm().write(out, ["id", "name"], iter([Rejected([n, f"name {n}"], "x") for n in range(count)]))
    found, most = peak(XlsxForm(), out)
    assert found == count
    assert most < 12_000_000


def test_a_json_list_of_many_entries_needs_little_memory() -> None:
    parts = (b"[" if n == 0 else b',{"id": %d}' % n if n > 1 else b'{"id": 1}' for n in range(50_000))
    file = io.BufferedReader(Endless(_closed(parts)))
    assert list(JsonForm(lines=False).rows(io.BytesIO(b"[]"), FOLDER)) == []
    tracemalloc.start()
    text = FileSource(folder="x", encoding="utf-8")
    count = sum(1 for _ in JsonForm().rows(_Unmarked(file), text))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 49_999
    assert most < 3_000_000


def _closed(parts: Iterator[bytes]) -> Iterator[bytes]:
    yield from parts
    yield b"]"


class _Unmarked(io.BytesIO):
    """Passes reading on; the look for a mark at the beginning finds none."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__()
        self._file = file
        self._looked = False

    def read(self, size: int | None = -1) -> bytes:
        if not self._looked:
            self._looked = True
            return b""
        return self._file.read(-1 if size is None else size)


# The folder -----------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_file_is_taken_when_its_size_has_stood_still(tmp_path: Path) -> None:
    clock = Clock()
    folder = Folder(tmp_path, "t", "a", monotonic=clock)
    folder.prepare()
    slow = tmp_path / "t" / "a" / "inbound" / "slow.csv"
    slow.write_text("id\n")
    assert folder.take(2) is None
    clock.now = 1.9
    assert folder.take(2) is None
    slow.write_text("id\n1\n")
    clock.now = 2.5
    assert folder.take(2) is None, "it has grown"
    clock.now = 4.6
    taken = folder.take(2)
    assert taken is not None
    assert taken.name == "slow.csv"
    assert not slow.exists()
    assert folder.take(0) is None
    assert [f.path for f in folder.left()] == [taken.path]


def test_what_is_still_written_or_leads_elsewhere_is_left_alone(tmp_path: Path) -> None:
    folder = Folder(tmp_path, "t", "a")
    folder.prepare()
    inbound = tmp_path / "t" / "a" / "inbound"
    for name in (".hidden.csv", "a.csv.tmp", "b.part", "~$c.xlsx"):
        (inbound / name).write_text("x")
    (inbound / "folder.csv").mkdir()
    (inbound / "link.csv").symlink_to("/etc/passwd")
    assert folder.take(0) is None


def test_a_folder_that_leads_out_of_the_root_is_refused(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    root = tmp_path / "root"
    (root / "t").mkdir(parents=True)
    (root / "t" / "a").symlink_to(outside)
    with pytest.raises(InvalidInputError, match="leads out"):
        Folder(root, "t", "a").prepare()


def test_an_unknown_form_is_said() -> None:
    with pytest.raises(BrokenFileError, match="no form"):
        form_of("a.pdf", FOLDER)
