"""What pydantic finds wrong with a document of ours, said as everywhere else: path, message, nearest valid name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bootstrap.config.schema.hints import unknown_field
from bootstrap.model.errors import Problem


def problems_of(error: ValidationError, model: type[BaseModel], root: str) -> list[Problem]:
    """All of them; `root` comes before each path."""
    return [_problem(found, model, root) for found in error.errors()]


def _problem(found: Any, model: type[BaseModel], root: str) -> Problem:
    place: Sequence[str | int] = found["loc"]
    message = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "extra_forbidden":
        message = unknown_field(str(place[-1]), _fields(model, place[:-1]))
    path = root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return Problem(path.removeprefix("."), message[:1].lower() + message[1:])


def _fields(model: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """The names of the fields of the model at a place below another."""
    for part in place:
        if isinstance(part, str):
            model = _inner({(f.alias or name): f.annotation for name, f in model.model_fields.items()}[part])
    return [f.alias or name for name, f in model.model_fields.items()]


def _inner(annotation: Any) -> type[BaseModel]:
    """`list[X]`, `X | None` → X."""
    while arguments := [a for a in get_args(annotation) if a is not type(None)]:
        annotation = arguments[0]
    found: type[BaseModel] = annotation
    return found
