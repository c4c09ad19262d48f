"""Where each waiting item lies, by its number. Pure, four bytes an item."""

from __future__ import annotations

from array import array
from typing import Final

import numpy as np
from numpy.typing import NDArray

from openiwd.domain.backlog_columns import Slots, stretches

_PAGE_BITS: Final = 9
_PAGE: Final = 1 << _PAGE_BITS
_NOWHERE: Final = -1


class SlotsByNumber:
    """The slot of each waiting item by its dense number: four bytes each, in pages that come and go."""

    __slots__ = ("_pages", "_size")

    def __init__(self) -> None:
        self._pages: dict[int, array[int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def get(self, number: int) -> int | None:
        page = self._pages.get(number >> _PAGE_BITS)
        if page is None:
            return None
        slot = page[number & (_PAGE - 1)]
        return None if slot == _NOWHERE else slot

    def put(self, number: int, slot: int) -> None:
        page = self._page(number >> _PAGE_BITS)
        if page[number & (_PAGE - 1)] == _NOWHERE:
            page[_PAGE] += 1
            self._size += 1
        page[number & (_PAGE - 1)] = slot

    def put_many(self, numbers: NDArray[np.int64], slots: Slots) -> None:
        """Distinct numbers that have no slot yet."""
        order = np.argsort(numbers, kind="stable")
        numbers, slots = numbers[order], slots[order]
        pages = numbers >> _PAGE_BITS
        for start, end in stretches(pages):
            page = self._page(int(pages[start]))
            np.frombuffer(page, dtype=np.int32)[numbers[start:end] & (_PAGE - 1)] = slots[start:end]
            page[_PAGE] += end - start
        self._size += len(numbers)

    def known(self, numbers: NDArray[np.int64]) -> list[int]:
        """Those of the numbers that have a slot."""
        found: list[int] = []
        if not self._size:
            return found
        numbers = np.sort(numbers)
        indexes = numbers >> _PAGE_BITS
        for start, end in stretches(indexes):
            page = self._pages.get(int(indexes[start]))
            if page is not None:
                own = numbers[start:end]
                found += own[np.frombuffer(page, dtype=np.int32)[own & (_PAGE - 1)] != _NOWHERE].tolist()
        return found

    def drop(self, number: int) -> None:
        page = self._pages[number >> _PAGE_BITS]
        page[number & (_PAGE - 1)] = _NOWHERE
        page[_PAGE] -= 1
        self._size -= 1
        if not page[_PAGE]:
            del self._pages[number >> _PAGE_BITS]

    def slots(self) -> Slots:
        """The slots of all, by number."""
        parts = []
        for index in sorted(self._pages):
            own = np.frombuffer(self._pages[index], dtype=np.int32)[:_PAGE]
            parts.append(own[own != _NOWHERE])
        return np.concatenate(parts).astype(np.uint32) if parts else np.zeros(0, np.uint32)

    def _page(self, index: int) -> array[int]:
        """A page and, at its end, how many of its places are taken."""
        page = self._pages.get(index)
        if page is None:
            page = self._pages[index] = array("i", [_NOWHERE]) * (_PAGE + 1)
            page[_PAGE] = 0
        return page
