"""What a server's refusal is to the commands that ask one, and the code that they end with then."""

from __future__ import annotations

from typing import Any, Final

from openiwd.domain.errors import OpenIwdError

REFUSED: Final = 2


class AnswerError(OpenIwdError):
    """The server has refused, or has not answered. `problem` is its problem document."""

    code = "refused"

    def __init__(
        self, message: str, *, hint: str | None = None, problem: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem or {}

    @property
    def reason(self) -> str:
        """The stable code of the refusal."""
        return str(self.problem.get("code") or "")
