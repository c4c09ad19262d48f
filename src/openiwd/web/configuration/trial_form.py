"""The form that starts a canary: its share, its category and its guards, in percent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from openiwd.domain.canary import Bound, Guards
from openiwd.domain.errors import InvalidInputError
from openiwd.usecases.canary import CanaryInput
from openiwd.web.shell.catalogue import Catalogue
from openiwd.web.shell.form import Field

_DEFAULT: Final = Guards()
BOUNDS: Final = ("error_rate", "errorheld_share", "no_agent_share")
MOST_ITEMS: Final = 1_000_000


def _shown(share: float) -> str:
    return f"{100 * share:g}"


def canary_fields(t: Catalogue, paths: Sequence[str], sent: Mapping[str, Any] | None) -> list[Field]:
    """The fields, with what was typed or the defaults."""
    values: dict[str, str] = {"share": "10", "category": "", "least_items": str(_DEFAULT.least_items)}
    for name in BOUNDS:
        bound: Bound = getattr(_DEFAULT, name)
        values[f"{name}_most"], values[f"{name}_above"] = _shown(bound.most), _shown(bound.above_live)
    values |= {k: str(v) for k, v in (sent or {}).items() if k in values}
    options = [("", t("canary.all_categories")), *((p, p.replace("/", " › ")) for p in paths)]
    found = [
        Field("share", t("canary.share"), value=values["share"], required=True, hint=t("canary.share_hint")),
        Field("category", t("canary.category"), "select", values["category"], options),
        Field("least_items", t("canary.least_items"), value=values["least_items"], required=True),
    ]
    for name in BOUNDS:
        for part in ("most", "above"):
            key = f"{name}_{part}"
            found.append(Field(key, t(f"canary.{part}"), value=values[key], required=True))
    return found


def read_canary(sent: Mapping[str, Any], t: Catalogue) -> CanaryInput:
    """What was typed; InvalidInputError names the field."""
    bounds = {
        name: Bound(most=_share(sent, f"{name}_most", t), above_live=_share(sent, f"{name}_above", t))
        for name in BOUNDS
    }
    share = _share(sent, "share", t)
    if share <= 0:
        raise InvalidInputError(t("canary.no_percent"), field="share", hint="")
    least = str(sent.get("least_items") or "").strip()
    if not least.isascii() or not least.isdigit() or not 0 < int(least[:9]) <= MOST_ITEMS:
        raise InvalidInputError(t("canary.no_number"), field="least_items", hint="")
    return CanaryInput(
        share=share,
        category=str(sent.get("category") or "") or None,
        guards=Guards(least_items=int(least), **bounds),
    )


def _share(sent: Mapping[str, Any], name: str, t: Catalogue) -> float:
    text = str(sent.get(name) or "").strip().removesuffix("%").strip().replace(",", ".")
    try:
        percent = float(text) if len(text) < 12 else -1.0
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= 100:
        raise InvalidInputError(t("canary.no_percent"), field=name, hint="")
    return percent / 100
