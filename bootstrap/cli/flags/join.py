"""The flags of `join`: those that write a field of the configuration, and those of the run."""

from __future__ import annotations

from bootstrap.cli.flags.init import BUNDLE_FLAGS
from bootstrap.cli.flags.inputs import CONFIG, EVENTS, OUTPUT, STRICT, TIMINGS
from bootstrap.cli.flags.phases import PHASE
from bootstrap.model.flags import DISCOVERY, JOIN, MACHINE, RUN, Flag, writing

OF_THE_RUN: tuple[Flag, ...] = (
    Flag("token-file", "A file with the token, or - (standard input): it stands in no process list then.", DISCOVERY),
    Flag("control-plane", "One more control plane, not a worker.", MACHINE, form="switch"),
    *BUNDLE_FLAGS,
    STRICT,
    Flag(
        "wait",
        "How far to wait: for the kubelet's certificate, or until the node is Ready.",
        RUN,
        default="node",
        words=("api", "node"),
    ),
    Flag("exit-on-failure", "End the container on any failure.", RUN, form="switch"),
    EVENTS,
    TIMINGS,
    PHASE,
    OUTPUT,
)
JOIN_FLAGS = (CONFIG, *writing(JOIN), *OF_THE_RUN)
