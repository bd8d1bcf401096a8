"""One of many runs of `init` on a scratch root: contender.py ROOT GATE. It begins when the gate is gone."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from scratch import init_at_gate

if __name__ == "__main__":
    print("ready", flush=True)
    while Path(sys.argv[2]).exists():
        time.sleep(0.001)
    sys.exit(init_at_gate(sys.argv[1]))
