"""What pages hand to their templates has none of the names that every template has: it would stand in their place."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import openiwd.web
from openiwd.web.shell.rendering import ENVIRONMENT

WEB: Final = Path(openiwd.web.__file__).parent


def handed_over(path: Path) -> set[str]:
    """Names that calls in a module give a template's context by keyword, or by a literal mapping."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and any(
            isinstance(a, ast.Constant) and isinstance(a.value, str) and a.value.endswith(".html")
            for a in node.args
        ):
            found |= {k.arg for k in node.keywords if k.arg is not None}
            for argument in node.args:
                if isinstance(argument, ast.Dict):
                    found |= {str(k.value) for k in argument.keys if isinstance(k, ast.Constant)}
    return found


def test_no_page_hides_what_every_template_has() -> None:
    names = {name: handed_over(path) for path in WEB.rglob("*.py") if (name := str(path.relative_to(WEB)))}
    assert sum(map(len, names.values())) > 300, "the pages are found"
    hidden = {
        name: sorted(own) for name, given in names.items() if (own := given & ENVIRONMENT.globals.keys())
    }
    assert hidden == {}
