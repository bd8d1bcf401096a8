"""What an answer of the API server means that is no success: it passes by itself, or ends the run with its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from bootstrap.engine.polling import NotYet
from bootstrap.host.port import ApiResponse
from bootstrap.model.effects import object_name
from bootstrap.model.errors import BootstrapError, Exit

_PASSING = (409, 429)
_NO_REASON = 500
_TRIES = {_NO_REASON: 5, 403: 300, 404: 300}
"""How often the same words are heard before they are believed, at five a second: the API server has no reason to name
where it cannot make sense of an object, and for some failures of its store; a quota, an account or a namespace that is
not there yet comes within a minute, or nobody makes it."""


def said(answer: ApiResponse) -> str:
    """The API server's own words."""
    return str(answer.body.get("message") or answer.text[:300] or f"HTTP {answer.status}")


class Answers:
    """Judges the answers about one object, as long as it is tried."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._name = object_name(body)
        self._heard: Counter[tuple[int, str]] = Counter()

    def read(self, answer: ApiResponse) -> Mapping[str, Any] | None:
        """What a GET found. Raises NotYet where the API server cannot say."""
        if answer.status >= 500:
            raise NotYet(f"{self._name}: {said(answer)}")
        return answer.found

    def checked(self, answer: ApiResponse) -> ApiResponse:
        """Raises NotYet for what passes, BootstrapError (exit 7) for what does not."""
        if answer.status in (200, 201):
            return answer
        words = said(answer)
        if not self._passes(answer, words):
            raise BootstrapError(
                f"the API server refused {self._name}",
                code=Exit.API,
                details=(words,),
                fix="correct it where it is written (manifest, patch, configuration), then run the same command again",
            )
        raise NotYet(f"{self._name}: {words}")

    def _passes(self, answer: ApiResponse, words: str) -> bool:
        status = answer.status
        if status in _PASSING or (status >= 500 and (status != _NO_REASON or answer.body.get("reason"))):
            return True
        self._heard[status, words] += 1
        return self._heard[status, words] < _TRIES.get(status, 0)
