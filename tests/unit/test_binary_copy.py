"""Reading a binary COPY: whole columns, and nothing that is not of the form expected."""

from __future__ import annotations

import struct

import pytest

from openiwd.adapters.postgres.binary_copy import HEADER, TRAILER, CopyFormatError, FixedRows

ROWS = FixedRows({"number": ">i8", "odd": "?"})


def row(number: int, *, odd: bool) -> bytes:
    return struct.pack(">hiqi?", 2, 8, number, 1, odd)


def test_rows_are_read_as_columns() -> None:
    data = HEADER + row(5, odd=True) + row(-(2**63), odd=False) + TRAILER
    rows = ROWS.parse(data)
    assert rows["number"].tolist() == [5, -(2**63)]
    assert rows["odd"].tolist() == [True, False]
    assert len(ROWS.parse(HEADER + TRAILER)) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER,
        HEADER[:-1] + b"\x01" + TRAILER,
        HEADER + row(5, odd=True),
        HEADER + row(5, odd=True)[:-1] + TRAILER,
        HEADER + struct.pack(">hi", 2, -1) + bytes(13) + TRAILER,  # null
        HEADER + struct.pack(">hiqi?", 3, 8, 5, 1, True) + TRAILER,
        HEADER + struct.pack(">hiqi?", 2, 8, 5, -1, True) + TRAILER,
        HEADER + row(5, odd=True) + bytes(len(row(5, odd=True))) + TRAILER,
    ],
)
def test_what_has_another_form_is_refused(data: bytes) -> None:
    with pytest.raises(CopyFormatError):
        ROWS.parse(data)
