"""One of many runs of `init` on a scratch root: python -m tests.faults.contender ROOT GATE END.

It begins when the file GATE is gone, and waits before its first change of a name until the file END is there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.faults.deaths import NAMES, watch
from tests.faults.scratch import init_at_gate

PAUSE = 0.001

if __name__ == "__main__":
    gate, end = map(Path, sys.argv[2:])

    def hold(made: int) -> None:
        while not end.exists():
            time.sleep(PAUSE)

    print("ready", flush=True)
    while gate.exists():
        time.sleep(PAUSE)
    watch(NAMES, hold)
    sys.exit(init_at_gate(sys.argv[1]))
