"""What can be in a plan or in the journal, the engine can handle."""

from __future__ import annotations

from typing import get_args

from bootstrap.engine.effects import registry
from bootstrap.engine.records import known_kinds
from bootstrap.model.effects import Effect
from bootstrap.model.journal_entry import KINDS


def test_each_effect_has_its_place() -> None:
    assert registry.registered() == set(get_args(Effect))


def test_each_kind_of_the_journal_has_its_place() -> None:
    assert known_kinds() == set(KINDS)
