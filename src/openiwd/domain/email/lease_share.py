"""How many mailboxes each process of the email service holds: a fair share of all, within what each can hold."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID


def _level(most_of: Mapping[UUID, int], count: int) -> tuple[int, int]:
    """Shares are the lower number, or the higher one; those that can hold less hold what they can."""
    left, open_ = count, sorted(max(0, most) for most in most_of.values())
    while open_ and open_[0] * len(open_) < left and open_[0] <= left // len(open_):
        left -= open_.pop(0)
    if not open_:
        top = max([0, *most_of.values()])
        return top, top
    return left // len(open_), -(-left // len(open_))


def share_of(holder: UUID, held: Mapping[UUID, int], most_of: Mapping[UUID, int], count: int) -> int:
    """So many of `count` mailboxes a process keeps and takes: the higher share, or the lower one while another process
    has less than that. `most_of`: what each can hold.
    """
    lower, higher = _level(most_of, count)
    others_lack = any(held.get(h, 0) < min(lower, most) for h, most in most_of.items() if h != holder)
    return min(most_of[holder], lower if others_lack else higher)
