"""A stretch of the waiting items as columns, and which of them are alike. Pure; whole columns at a time.

Decides only what can be put in bulk; an odd item has something that columns do not say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_item import BacklogRows


class BacklogBatch(NamedTuple):
    """Waiting items in order of number.

    Equal `likeness`: they differ in nothing but what the rows say, nor from one batch to the next of one
    load. `odd` ones have more: pauses, exclusions, a reservation, an offer, a reopening, an agent to prefer.
    """

    rows: BacklogRows
    likeness: NDArray[np.int64]
    odd: NDArray[np.bool_]

    @property
    def size(self) -> int:
        return len(self.likeness)

    @property
    def last(self) -> int:
        """The number after which the next batch begins."""
        return int(self.rows.numbers[-1])


class AlikeRows(NamedTuple):
    """Rows of one likeness: `rows[start:end]` of the batch's sorted rows."""

    likeness: int
    start: int
    end: int


class SortedBatch(NamedTuple):
    """A batch ready to be put: `odd` numbers one by one, the rest by likeness."""

    odd: list[int]
    rows: BacklogRows
    alike: list[AlikeRows]


def sort_batch(batch: BacklogBatch, apart: Collection[int]) -> SortedBatch:
    """Groups what is alike, in order of number; the numbers of `apart` are taken as odd."""
    odd = batch.odd | np.isin(batch.rows.numbers, np.fromiter(apart, np.int64, len(apart)))
    regular = np.flatnonzero(~odd)
    order = regular[np.argsort(batch.likeness[regular], kind="stable")]
    return SortedBatch(
        batch.rows.numbers[odd].tolist(), batch.rows.part(order), list(_stretches(batch.likeness[order]))
    )


def _stretches(keys: NDArray[np.int64]) -> Iterator[AlikeRows]:
    if not len(keys):
        return
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    ends = [*starts[1:].tolist(), len(keys)]
    for likeness, start, end in zip(keys[starts].tolist(), starts.tolist(), ends, strict=True):
        yield AlikeRows(likeness, start, end)
