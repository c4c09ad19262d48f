"""New ids: sorted by time, never twice, whoever makes them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from openiwd.processes.identity import new_id


def test_an_id_is_of_version_seven_and_later_ones_sort_behind() -> None:
    first, later = new_id(), new_id()
    while later.int >> 80 == first.int >> 80:
        later = new_id()
    assert (first.version, first.variant) == (7, "specified in RFC 4122")
    assert first < later


def test_no_id_twice_over_threads_and_a_fork() -> None:
    new_id()  # what is in store is there before the fork
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        with os.fdopen(writing, "wb") as out:
            out.write(b"".join(new_id().bytes for _ in range(300)))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        data = told.read()
    assert os.waitpid(child, 0)[1] == 0
    made = [UUID(bytes=data[at : at + 16]) for at in range(0, len(data), 16)]
    with ThreadPoolExecutor(8) as pool:
        made += pool.map(lambda _: new_id(), range(20_000))
    made += [new_id() for _ in range(1_000)]
    assert len(made) == 21_300
    assert len({one.int & (1 << 76) - 1 for one in made}) == len(made)
