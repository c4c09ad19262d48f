"""What names a record within its source, as one text that can be stored. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

LONGEST: Final = 500


def storable(text: str) -> str:
    """The text without what PostgreSQL cannot store: NUL, and halves of surrogate pairs."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def place_key(parts: Sequence[str]) -> str:
    """One text for the parts of a key, that no other parts give; what is too long, or cannot be stored, by its hash."""
    joined = parts[0] if len(parts) == 1 else "|".join(_escaped(part) for part in parts)
    if len(joined) <= LONGEST and storable(joined) == joined:
        return joined
    return f"sha256:{sha256(joined.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("|", "\\|")
