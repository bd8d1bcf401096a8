"""A lane of what is told, as it was told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bootstrap.engine.lanes import LaneBuilder

ZERO = datetime(2026, 1, 2, tzinfo=UTC).timestamp()


def told(at: float, event: str, **more: Any) -> dict[str, Any]:
    return {"time": datetime.fromtimestamp(ZERO + at, UTC).isoformat(), "event": event, "group": "G", **more}


def test_a_lane_begins_where_its_first_step_did_and_knows_what_is_open() -> None:
    builder = LaneBuilder("n", ZERO)
    for record in (
        told(1, "run-planned", steps=[{"step": "b", "group": "G", "after": ["a"]}, {"step": "a", "after": []}]),
        told(2, "step-started", step="a"),
        told(5, "step-done", step="a", started=0.0, seconds=3.0, changed=["/x"]),
        told(5, "step-started", step="b"),
        told(6, "step-failed", step="b"),
        told(6, "something-new"),
    ):
        builder.take(record)
    lane = builder.lane(ZERO + 7)

    assert (lane.node, lane.begun, lane.failed) == ("n", 2.0, {"b"})
    a, b = lane.timings
    assert (a.started, a.seconds, a.changed, b.after, b.started, b.seconds) == (0.0, 3.0, ("/x",), ("a",), 3.0, 2.0)


def test_alone_it_begins_with_the_page() -> None:
    builder = LaneBuilder("n")
    builder.take(told(2, "step-started", step="a"))

    assert builder.lane(ZERO + 3).begun == 0.0
    assert LaneBuilder("n", ZERO).lane(ZERO).timings == ()
