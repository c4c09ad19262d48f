"""Kinds of capture points whose clients are extras: loaded when the first capture point of that kind opens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from openiwd.adapters.files.adapter import sampled
from openiwd.domain.capture.point import CapturePoint, FileSource
from openiwd.domain.errors import InvalidInputError
from openiwd.ports.capture import CaptureAdapter, CaptureSource, SourceRecord


class Opener(Protocol):
    """What the loaded adapter has to be able to do."""

    def open(self, point: CapturePoint, tenant_id: str) -> AbstractAsyncContextManager[CaptureSource]: ...


class OnDemand:
    """Implements `openiwd.ports.capture.CaptureAdapter` by another one, which is imported at its first use."""

    def __init__(
        self,
        module: str,
        name: str,
        extra: str,
        make: Callable[[Any], Any] = lambda kind: kind(),
        sample: Callable[[bytes], Sequence[SourceRecord] | None] = lambda _: None,
    ) -> None:
        self._module = module
        self._name = name
        self._extra = extra
        self._make = make
        self._sample = sample
        self._adapter: Opener | None = None

    @property
    def available(self) -> bool:
        """Always: where the client is missing, the capture point's status says so and names the extra."""
        return True

    def _loaded(self) -> Opener:
        if self._adapter is None:
            try:
                module = import_module(self._module)
            except ModuleNotFoundError as error:
                raise InvalidInputError(
                    f"the client for this kind of capture point is not installed ({error.name})",
                    field="source.kind",
                    code="extraMissing",
                    hint=f"install it with: pip install 'openiwd[{self._extra}]'",
                ) from error
            self._adapter = cast("Opener", self._make(getattr(module, self._name)))
        return self._adapter

    def open(self, point: CapturePoint, tenant_id: str) -> AbstractAsyncContextManager[CaptureSource]:
        return self._loaded().open(point, tenant_id)

    def sample(self, point: CapturePoint, content: bytes, name: str) -> Sequence[SourceRecord] | None:
        """Records of these kinds are JSON, or are pasted so (rows also as a table): no client is needed to read one."""
        del point, name
        return self._sample(content)


def rows_pasted(content: bytes) -> Sequence[SourceRecord] | None:
    """Rows as database programs copy them: a table with a head. None: it begins as JSON does."""
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return None if start in (b"{", b"[", b"") else sampled(FileSource(folder="sample"), content, "rows.csv")


def outside(folder: Path | None) -> dict[str, CaptureAdapter]:
    """The adapters of outside sources by kind. `folder` has one for each tenant, where SQLite files may lie."""
    rooms = "openiwd.adapters"
    return {
        "database": OnDemand(
            f"{rooms}.source_database.source",
            "DatabaseAdapter",
            "database",
            lambda kind: kind(folder),
            rows_pasted,
        ),
        "kafka": OnDemand(f"{rooms}.kafka.source", "KafkaAdapter", "kafka"),
        "amqp": OnDemand(f"{rooms}.amqp.source", "AmqpAdapter", "amqp"),
    }
