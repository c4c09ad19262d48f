"""Tries operations of the OpenAPI with what Schemathesis makes up, each answer against the description."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

PREFIX = "/iwd/v3"
SECONDS = 120.0
"""For an answer: on a busy machine it may take long, and that is no failure of the operation."""
SKIPPED = {
    "GET /iwd/v3/stream": "never ends",
    "POST /iwd/v3/sessions": "would lock the logins",
    "DELETE /iwd/v3/api-keys/{key_id}": "might take the key that asks",
}
AWAY = {"noDecider", "unavailable", "clockNotStarted", "providerAway", "noMart", "martAway"}
"""Answers of 503 that are right: something is not there, and that is said."""
CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance]


class Trial:
    """A server under trial."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._headers = {"x-api-key": key}
        document = httpx.get(f"{url}{PREFIX}/openapi.json", timeout=SECONDS).json()
        found: list[Any] = [r.ok() for r in schemathesis.openapi.from_dict(document).get_all_operations()]  # type: ignore[union-attr]
        self.operations = {f"{each.method.upper()} {each.path}": each for each in found}

    def failures(self, names: Collection[str], examples: int, chance: int) -> list[str]:
        """What is wrong, one line for each operation. The same chance makes up the same."""
        found = []
        for name in names:
            if name not in SKIPPED:
                told = self._of(name, examples, chance)
                print(name, *told, sep="\n  ", flush=True)  # noqa: T201 - a long run shows how far it is
                found += told
        return found

    def _of(self, name: str, examples: int, chance: int) -> list[str]:
        operation = self.operations[name]
        strategy = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE) | operation.as_strategy(
            generation_mode=GenerationMode.POSITIVE
        )

        @seed(chance)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def run(case: Any) -> None:
            self._try(case)

        try:
            run()
        except FailureGroup as found:
            return [f"{name}: {str(each)[:600]}" for each in found.exceptions]
        except AssertionError as error:
            return [f"{name}: {str(error)[:600]}"]
        return []

    def _try(self, case: Any) -> None:
        response = case.call(base_url=self._url, headers=self._headers, timeout=SECONDS)
        if response.status_code == 503 and response.json().get("code") in AWAY:
            return
        case.validate_response(response, checks=CHECKS)
