"""The generated reference is what the code says, and links between pages lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from bootstrap.diagnosis.rules import RULES
from bootstrap.preflight.checks import CHECKS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATED = [
    f"reference/{page}" for page in ("cli", "diagnose", "exit-codes", "phases", "preflight", "addons", "events")
]
GENERATED.append("how-to/when-it-goes-wrong")


@pytest.mark.parametrize("page", GENERATED)
def test_generated_page_is_current(page: str) -> None:
    path = ROOT / "docs" / f"{page}.md"

    assert path.read_text() == script("gen_docs").pages()[path], "run make docs"


def test_every_generated_page_is_compared() -> None:
    assert {ROOT / "docs" / f"{page}.md" for page in GENERATED} == set(script("gen_docs").pages())


def test_the_words_of_every_check_and_rule_are_headings() -> None:
    headings = (ROOT / "docs/how-to/when-it-goes-wrong.md").read_text().split("### ")

    assert [check.name for check in CHECKS if not any(check.what in text for text in headings)] == []
    assert [rule.id for rule in RULES if not any(f"`{rule.id}`. Why" in text for text in headings)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [t.split("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", page.read_text())]
    local = [t for t in targets if t and "://" not in t]

    assert [t for t in local if not (page.parent / t).exists()] == []


def test_every_record_of_a_decision_is_numbered_once() -> None:
    numbers = [path.name[:4] for path in (ROOT / "docs" / "adr").glob("*.md")]

    assert len(numbers) == len(set(numbers))


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"\(adr/(.+?)\)", (ROOT / "docs" / "architecture.md").read_text())

    assert listed == sorted(path.name for path in (ROOT / "docs" / "adr").glob("*.md"))
