"""`openiwd email parse`: reads files of mail one by one, with the parts that the service reads with. Stores nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import structlog

from openiwd.adapters.html.nh3_cleaner import Nh3Cleaner
from openiwd.adapters.language.langid import LangidGuesser
from openiwd.usecases.email_parse import ToldEmail, parse

STANDARD_INPUT: Final = "-"
_GUESSER: Final = LangidGuesser()
_log = structlog.get_logger()


def parse_files(names: Sequence[str]) -> Iterator[tuple[ToldEmail, bool]]:
    """Each file as read, and whether it could be; one that cannot holds up none of the others."""
    cleaner = Nh3Cleaner()
    for name in names:
        try:
            told, is_read = parse(name, _content(name), cleaner, _GUESSER), True
        except OSError as error:
            told, is_read = ToldEmail(file=name, defects=[f"cannot be read: {error.strerror}"]), False
        except Exception as error:  # noqa: BLE001
            _log.exception("a message could not be parsed", file=name)
            told, is_read = ToldEmail(file=name, defects=[f"unparsable: {type(error).__name__}"]), False
        yield told, is_read


def _content(name: str) -> bytes:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    return Path(name).read_bytes()
