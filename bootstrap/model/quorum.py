"""Whether an etcd can do without one of its members."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Remaining:
    """The members with a vote that stay when one leaves, by name: those that answer now, and those that do not."""

    answering: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()

    @property
    def needed(self) -> int:
        """How many of them have to agree."""
        return (len(self.answering) + len(self.silent)) // 2 + 1

    @property
    def is_last(self) -> bool:
        """Whether nobody stays."""
        return not self.answering and not self.silent

    @property
    def goes_on(self) -> bool:
        """Whether those that answer are enough; false where nobody stays."""
        return len(self.answering) >= self.needed
