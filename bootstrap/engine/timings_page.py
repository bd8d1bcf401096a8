"""Who did what when, as one page that needs nothing else: a lane a node, a bar a step, the critical path marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bootstrap.engine.timings import Lane, Timing, critical_path
from bootstrap.model.secrets import hidden

TICKS = 8
"""At most, on the axis."""
_STYLE = """
:root { color-scheme: light dark; --back: #ffffff; --text: #1b1f24; --less: #57606a; --line: #d8dee4;
  --bar: #818b98; --critical: #0550ae; --failed: #cf222e }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --text: #e6edf3; --less: #9198a1; --line: #2a3138;
  --bar: #707884; --critical: #58a6ff; --failed: #ff7b72 } }
body { background: var(--back); color: var(--text); font: 14px/1.4 system-ui, sans-serif; margin: 2rem auto;
  max-width: 1200px; padding: 0 1rem }
h1 { font-size: 1.4rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem }
p { color: var(--less); margin: .3rem 0 }
ol { list-style: none; margin: 0; padding: 0 }
li { align-items: center; display: grid; gap: 0 .8rem; grid-template-columns: 19rem 1fr 4rem }
.name { overflow-wrap: anywhere } .time { font-variant-numeric: tabular-nums; text-align: right }
.time, .axis { color: var(--less) }
.track { background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px var(--tick)); height: 1.4rem;
  position: relative }
.bar { background: var(--bar); border-radius: 2px; bottom: .3rem; min-width: 2px; position: absolute; top: .3rem }
.critical .name, .critical .time { color: var(--critical); font-weight: 600 }
.critical .bar { background: var(--critical) }
.failed .name, .failed .time { color: var(--failed); font-weight: 600 }
.failed .bar { background: var(--failed) }
.axis .track { background: none } .axis span span { position: absolute; white-space: nowrap }
@media (max-width: 700px) { li { grid-template-columns: 1fr 4rem } .track { grid-column: 1 / 3; grid-row: 2 } }
"""


def timings_page(title: str, lanes: Sequence[Lane]) -> str:
    """All lanes have the same axis."""
    total = max((lane.begun + t.ended for lane in lanes for t in lane.timings), default=0.0) or 1.0
    tick = _tick(total)
    steps = sum(len(lane.timings) for lane in lanes)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{total:.1f} s, {steps} steps. ◆ is on the critical path: the chain of steps that decided how long it took."
        " ✗ failed.</p>",
        *(part for lane in lanes for part in _lane(lane, total, tick)),
        "</body></html>\n",
    ]
    return "\n".join(parts)


def _lane(lane: Lane, total: float, tick: float) -> list[str]:
    critical = {t.step for t in critical_path(lane.timings)}
    ticks = (round(i * tick, 6) for i in range(int(total / tick) + 1))
    axis = "".join(f'<span style="left:{100 * at / total:.3f}%">{at:g} s</span>' for at in ticks if at < 0.96 * total)
    rows = sorted(lane.timings, key=lambda t: (t.started, t.ended, t.step))
    return [
        f'<section style="--tick:{100 * tick / total:.4f}%"><h2>{escape(hidden(lane.node))}</h2><ol>',
        f'<li class="axis"><span></span><span class="track">{axis}</span><span></span></li>',
        *(_row(t, lane, total, critical) for t in rows),
        "</ol></section>",
    ]


def _row(timing: Timing, lane: Lane, total: float, critical: set[str]) -> str:
    is_critical, failed = timing.step in critical, timing.step in lane.failed
    kind, mark = ("failed", "✗ ") if failed else ("critical", "◆ ") if is_critical else ("step", "")
    left, width = (100 * seconds / total for seconds in (lane.begun + timing.started, timing.seconds))
    said = f"{timing.group}: from {lane.begun + timing.started:.2f} s to {lane.begun + timing.ended:.2f} s"
    tooltip = "\n".join([said, *map(hidden, timing.changed)])
    bar = f'<span class="bar" style="left:{left:.3f}%;width:{min(width, 100 - left):.3f}%"></span>'
    return (
        f'<li class="{kind}" title="{escape(tooltip)}"><span class="name">{mark}{escape(timing.step)}</span>'
        f'<span class="track">{bar}</span><span class="time">{timing.seconds:.2f} s</span></li>'
    )


def _tick(total: float) -> float:
    """1, 2 or 5 times a power of ten, so that there are few."""
    size = 0.001
    while True:
        for factor in (1, 2, 5):
            if total / (size * factor) <= TICKS:
                return size * factor
        size *= 10
