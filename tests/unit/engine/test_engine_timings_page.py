"""The page that shows where the time went: complete, well-formed, and nothing outside of it is needed."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from bootstrap.engine.timings import Lane, Timing
from bootstrap.engine.timings_page import timings_page

LANE = Lane(
    "n1",
    (
        Timing("certs/ca", "Certificates", (), 0.0, 0.5, ("/ca.crt",)),
        Timing("short", "Certificates", (), 0.0, 0.1),
        Timing("etcd<&>", "etcd", ("certs/ca",), 0.5, 3.5),
    ),
)


class Page(HTMLParser):
    """Elements that are open, classes and text of the rows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[tuple[str, str]] = []
        self.styles: list[str] = []
        self.outside: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.outside += [value for name, value in given.items() if name in ("src", "href") and value]
        if tag == "li":
            self.rows.append((given.get("class") or "", ""))
        if given.get("class") == "bar":
            self.styles.append(given["style"] or "")
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "li" in self.open:
            self.rows[-1] = (self.rows[-1][0], self.rows[-1][1] + data)


def test_every_step_has_a_row_and_the_critical_path_is_marked() -> None:
    page = Page(timings_page("bootstrap init", (LANE,)))

    assert page.open == []
    assert [kind for kind, _ in page.rows] == ["axis", "step", "critical", "critical"]
    assert [text for _, text in page.rows][1:] == ["short0.10 s", "◆ certs/ca0.50 s", "◆ etcd<&>3.50 s"]
    assert page.styles == ["left:0.000%;width:2.500%", "left:0.000%;width:12.500%", "left:12.500%;width:87.500%"]
    assert page.outside == []


def test_lanes_have_one_axis_and_begin_when_they_began() -> None:
    later = Lane("n2", (Timing("join", "Join", (), 0.0, 2.0),), frozenset({"join"}), begun=6.0)
    page = Page(timings_page("x", (LANE, later)))

    assert page.styles[-1] == "left:75.000%;width:25.000%"
    assert page.rows[-1] == ("failed", "✗ join2.00 s")


@pytest.mark.parametrize(("total", "last"), [(0.0, "0 s"), (0.02, "0.015 s"), (9.0, "8 s"), (300.0, "250 s")])
def test_the_axis_has_few_round_numbers(total: float, last: str) -> None:
    page = Page(timings_page("x", (Lane("n", (Timing("a", "A", (), 0.0, total),)),)))
    ticks = page.rows[0][1].split("s")[:-1]

    assert len(ticks) <= 9
    if total:
        assert f"{ticks[-1].strip()} s" == last
