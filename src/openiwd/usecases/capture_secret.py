"""Secrets of capture points: sealed in the database, opened only by who reads the source or checks who posts."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from openiwd.domain.capture.point import CapturePoint, secret_names

if TYPE_CHECKING:
    from openiwd.usecases.platform import Platform

SEALED: Final = "sealed:"


def context_of_capture(tenant_id: str, point_id: str, name: str) -> str:
    """What a capture point's secret is sealed for."""
    return f"capture/{tenant_id}/{point_id}/{name}"


def sealed(platform: Platform, tenant_id: str, point: CapturePoint) -> CapturePoint:
    """The capture point as it is stored: with its secrets sealed, those that are so already as they are."""

    def seal(text: str, context: str) -> str:
        return SEALED + b64encode(platform.secrets.seal(text, context)).decode()

    return _changed(tenant_id, point, lambda text: not text.startswith(SEALED), seal)


def unsealed(platform: Platform, tenant_id: str, point: CapturePoint) -> CapturePoint:
    """The capture point with its secrets readable; UnavailableError when no key of the installation opens them."""

    def unseal(text: str, context: str) -> str:
        return platform.secrets.open(b64decode(text.removeprefix(SEALED)), context)

    return _changed(tenant_id, point, lambda text: text.startswith(SEALED), unseal)


def _changed(
    tenant_id: str, point: CapturePoint, concerns: Callable[[str], bool], change: Callable[[str, str], str]
) -> CapturePoint:
    names = secret_names(type(point.source))
    body: dict[str, Any] = msgspec.to_builtins(point)
    found = [name for name in names if (text := body["source"].get(name)) and concerns(text)]
    if not found:
        return point
    for name in found:
        body["source"][name] = change(body["source"][name], context_of_capture(tenant_id, point.id, name))
    return msgspec.convert(body, CapturePoint)
