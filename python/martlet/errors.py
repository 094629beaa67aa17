"""What goes wrong, as Martlet tells it: a stable code, a sentence, what to do about it, and where."""

from __future__ import annotations

import dataclasses
import json
from typing import Any


@dataclasses.dataclass(frozen=True)
class Place:
    """Where in what was sent the fault lies; lines and columns are counted from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)


class MartletError(Exception):
    """A request that failed, or that was not sent because it could not succeed.

    `code` is one of those in docs/errors.md, or `unreachable` where no server answered. `others` holds what else is
    wrong, for definitions with several faults.
    """

    def __init__(
        self, code: str, message: str, fix: str | None = None, place: Place | None = None, status: int | None = None,
        others: tuple[MartletError, ...] = (),
    ):
        self.code = code
        self.message = message
        self.fix = fix
        self.place = place
        self.status = status
        self.others = others
        super().__init__(self.__str__())

    def __str__(self) -> str:
        text = f"{self.place}: " if self.place else ""
        text += f"{self.message} [{self.code}]"
        if self.fix:
            text += f"\n  fix: {self.fix}"
        return "\n".join([text, *(str(other) for other in self.others)])


def error_of(status: int, body: bytes) -> MartletError:
    """The error that an answer tells: problem+json (RFC 9457), or one of the shapes of Feast's feature server."""
    try:
        problem = json.loads(body)
        if isinstance(problem, str):
            problem = json.loads(problem)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return MartletError("internal", f"the server answered {status}", status=status)
    if "code" in problem:
        others = tuple(_one(other, status) for other in problem.get("errors", []))
        return _one(problem, status, others)
    if "message" in problem:
        return MartletError("unknown-name", str(problem["message"]), status=status)
    details = problem.get("detail")
    if isinstance(details, list) and details:
        message = "; ".join(str(detail.get("msg", "")) for detail in details if isinstance(detail, dict))
        return MartletError("invalid-input", message, status=status)
    return MartletError("internal", str(details or f"the server answered {status}"), status=status)


def _one(problem: dict[str, Any], status: int, others: tuple[MartletError, ...] = ()) -> MartletError:
    where = problem.get("place")
    place = Place(where["file"], where.get("line"), where.get("column")) if where else None
    return MartletError(problem["code"], problem.get("detail", ""), problem.get("fix"), place, status, others)
