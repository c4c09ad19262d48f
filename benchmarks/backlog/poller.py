"""Asks a server for signs of life, every 10 ms, until told to end; prints the slowest answer in milliseconds."""

from __future__ import annotations

import select
import sys
import time
from http.client import HTTPConnection

EVERY = 0.01


def poll(port: int) -> float:
    connection = HTTPConnection("127.0.0.1", port)
    slowest = 0.0
    asked = 0
    while not asked or not select.select([sys.stdin], [], [], EVERY)[0]:
        started = time.perf_counter()
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"the server answers {answer.status}")
        slowest = max(slowest, time.perf_counter() - started) if asked else 0.0
        if not asked:
            print("asking", flush=True)
        asked += 1
    connection.close()
    return 1_000 * slowest


if __name__ == "__main__":
    print(poll(int(sys.argv[1])))
