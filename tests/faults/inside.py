"""Runs in a node container: `bootstrap WORDS…`, and a signal to itself once N steps, or the one of a name, are done.

    inside.py N|STEP SIGNAL WORDS…

Prints the number of steps that were done before.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys

if __name__ == "__main__":
    sys.path[:0] = ["/usr/lib/bootstrap/app", "/usr/lib/bootstrap/site"]
    last, number, words = sys.argv[1], signal.Signals[sys.argv[2]], sys.argv[3:]
    sys.argv[1:] = words

    from bootstrap.cli.main import main
    from bootstrap.engine import run as engine

    finished, whole = itertools.count(1), engine._run_step

    def watched(*args: object) -> object:
        result = whole(*args)  # type: ignore[arg-type]
        if last in (str(next(finished)), args[0].id):  # type: ignore[attr-defined]
            os.kill(os.getpid(), number)
        return result

    engine._run_step = watched  # type: ignore[assignment]
    code = main()
    print(f"{next(finished) - 1} steps")
    sys.exit(code)
