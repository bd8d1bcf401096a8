"""Events of a real run, and its page in a real browser: light and dark, wide and narrow."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from bootstrap.engine.timings import Lane, Timing
from bootstrap.engine.timings_page import timings_page
from tests.e2e.node import Node

DEBIAN = Path(__file__).parents[2] / "scripts" / "debian.sh"
DARK, LIGHT = 0, 1
LOOK = """
<script>
const shown = [...document.querySelectorAll('.bar')].map(bar => {
  const track = bar.parentElement.getBoundingClientRect(), box = bar.getBoundingClientRect();
  return box.width >= 2 && box.height > 5 && box.left >= track.left - 1 && box.right <= track.right + 3;
});
const channels = color => color.match(/[0-9.]+/g).slice(0, 3).map(c => c / 255)
  .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
const light = color => { const [r, g, b] = channels(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const back = light(getComputedStyle(document.body).backgroundColor);
const contrast = (element, property) => {
  const own = light(getComputedStyle(element)[property]);
  return (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05);
};
const least = (selector, property) =>
  Math.min(...[...document.querySelectorAll(selector)].map(element => contrast(element, property)));
document.title = JSON.stringify({
  bars: shown.length, inside: shown.every(Boolean), back,
  text: least('h1, h2, p, .name, .time, .axis span', 'color'), bar: least('.bar', 'backgroundColor'),
  critical: document.querySelectorAll('.critical').length,
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
});
</script>
"""


def looked_at(page: Path, scheme: int, width: int) -> dict[str, float]:
    """What a browser measures on a copy of the page."""
    copy = page.with_suffix(".looked.html")
    copy.write_text(page.read_text().replace("</body>", f"{LOOK}</body>"))
    options = ("--headless", "--no-sandbox", "--disable-gpu", f"--window-size={width},900", "--dump-dom")
    argv = ["chromium", *options, f"--blink-settings=preferredColorScheme={scheme}", copy.as_uri()]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    title = done.stdout.partition("<title>")[2].partition("</title>")[0]
    return json.loads(title)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def real_page(cluster: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a second init of the shared cluster, whose events are beside it."""
    folder = tmp_path_factory.mktemp("reports")
    told = cluster.run("bootstrap", "init", "--events", "-", "--timings", "/root/timings.html")
    (folder / "events").write_text(told)
    (folder / "timings.html").write_text(cluster.run("cat", "/root/timings.html"))
    return folder / "timings.html"


def test_the_events_of_a_run_are_all_that_is_on_standard_output(real_page: Path) -> None:
    lines = [json.loads(line) for line in (real_page.parent / "events").read_text().splitlines()]
    planned = next(line for line in lines if line["event"] == "run-planned")

    assert [lines[0]["event"], lines[-1]["event"], lines[-1]["code"]] == ["run-started", "run-done", 0]
    assert {line["version"] for line in lines} == {1}
    assert len({line["node"] for line in lines[1:]}) == 1
    done = [line["step"] for line in lines if line["event"] == "step-done"]
    assert sorted(done) == sorted(step["step"] for step in planned["steps"])
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)


def test_events_that_cannot_be_written_stop_init_before_it_looks(cluster: Node) -> None:
    refused = cluster.exec("bootstrap", "init", "--events", "/nowhere/events")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "/nowhere/events cannot be written" in refused.stderr


def test_the_page_is_readable_in_a_browser(real_page: Path) -> None:
    subprocess.run([DEBIAN, "chromium"], check=True)
    text = real_page.read_text()
    assert all(step in text for step in ("certs/ca", "addon/coredns/wait", "wait-control-plane/apiserver"))
    dark, light = (looked_at(real_page, scheme, 1200) for scheme in (DARK, LIGHT))
    assert dark["back"] < 0.1
    assert light["back"] > 0.9
    steps = tuple(Timing(f"step/{i}", "Group", (f"step/{i - 1}",) if i else (), i * 0.7, 0.7) for i in range(30))
    lanes = tuple(Lane(f"node-{n}", steps, frozenset({"step/29"} if n else ()), begun=3.0 * n) for n in range(3))
    many = real_page.with_name("many.html")
    many.write_text(timings_page("bootstrap cluster create", lanes))
    narrow = looked_at(many, DARK, 520)
    assert narrow["bars"] == 90

    for seen in (dark, light, narrow):
        assert seen["inside"], seen
        assert seen["wide"] <= 0, "nothing to scroll sideways"
        assert seen["text"] >= 4.5, seen
        assert seen["bar"] >= 3, seen
        assert seen["critical"] >= 1


def test_a_dry_run_tells_its_plan(cluster: Node) -> None:
    told = cluster.run("bootstrap", "init", "--dry-run", "--events", "-")

    assert [json.loads(line)["event"] for line in told.splitlines()][-2:] == ["run-planned", "run-done"]
