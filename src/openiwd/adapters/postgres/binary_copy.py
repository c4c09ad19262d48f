"""Reads what a binary COPY of fixed-width columns sends, whole columns at a time. Knows no table.

The format: a header, per row a field count and per field its length and its bytes, all big-endian, then a trailer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.errors import OpenIwdError

HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""Signature, no flags, no extension."""
TRAILER: Final = b"\xff\xff"


class CopyFormatError(OpenIwdError):
    """The server sent other columns than were asked for."""

    code = "internal"


class FixedRows:
    """Rows of fixed-width columns: name → numpy type (big-endian) in the order of the select list."""

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._sizes = {name: np.dtype(kind).itemsize for name, kind in columns.items()}
        fields: list[tuple[str, Any]] = [("fields", ">i2")]
        for name, kind in columns.items():
            fields += [(f"length of {name}", ">i4"), (name, kind)]
        self.row = np.dtype(fields)

    def parse(self, data: bytes | bytearray) -> NDArray[np.void]:
        """The rows of one COPY, without a copy of theirs. CopyFormatError when a field is null or of another width."""
        body = memoryview(data)[len(HEADER) : -len(TRAILER)]
        if (
            not data.startswith(HEADER)
            or not data.endswith(TRAILER)
            or len(data) < len(HEADER) + len(TRAILER)
            or len(body) % self.row.itemsize
        ):
            raise CopyFormatError("a binary COPY has another form than expected", bytes=len(data))
        rows = np.frombuffer(body, self.row)
        if (rows["fields"] != len(self._sizes)).any():
            raise CopyFormatError("a binary COPY has other columns than expected")
        for name, size in self._sizes.items():
            if (rows[f"length of {name}"] != size).any():
                raise CopyFormatError(f"a binary COPY has a '{name}' that is null or of another width")
        return rows
