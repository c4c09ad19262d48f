"""Conditions of the index, each as two queries: all that can match is in `upper`, all in `lower` does.

Where both are the same the index knows as well as the database. `not` turns them round.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

Query = dict[str, Any]
ALL: Final[Query] = {"match_all": {}}
NONE: Final[Query] = {"match_none": {}}


class Reach(NamedTuple):
    """What can match, and what does."""

    upper: Query
    lower: Query


UNKNOWN: Final = Reach(ALL, NONE)
ALWAYS: Final = Reach(ALL, ALL)
NEVER: Final = Reach(NONE, NONE)


def exactly(query: Query) -> Reach:
    return Reach(query, query)


def both(one: Reach, other: Reach) -> Reach:
    return Reach(_and([one.upper, other.upper]), _and([one.lower, other.lower]))


def every(parts: list[Reach]) -> Reach:
    return Reach(_and([p.upper for p in parts]), _and([p.lower for p in parts]))


def either(parts: list[Reach]) -> Reach:
    return Reach(_or([p.upper for p in parts]), _or([p.lower for p in parts]))


def negated(one: Reach) -> Reach:
    return Reach(_not(one.lower), _not(one.upper))


def _and(parts: list[Query]) -> Query:
    if NONE in parts:
        return NONE
    narrow = [p for p in parts if p != ALL]
    if not narrow:
        return ALL
    return narrow[0] if len(narrow) == 1 else {"bool": {"filter": narrow}}


def _or(parts: list[Query]) -> Query:
    if ALL in parts:
        return ALL
    possible = [p for p in parts if p != NONE]
    if not possible:
        return NONE
    return possible[0] if len(possible) == 1 else {"bool": {"should": possible, "minimum_should_match": 1}}


def _not(one: Query) -> Query:
    if one in (ALL, NONE):
        return NONE if one == ALL else ALL
    return {"bool": {"must_not": [one]}}
