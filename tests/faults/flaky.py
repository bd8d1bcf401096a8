"""A load balancer with bad days: forwards to the API server beside it, or does to some connections what networks do.

    flaky.py ADDRESS PORT TARGET BAD

It is well as long as the file BAD is not there. Of five connections then one is refused, one breaks within its first
answer, one within a later one, one comes late, and one is well.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import sys
import threading
import time
from pathlib import Path

LATE = 3.0
RESET = struct.pack("ii", 1, 0)
ENDS = (0, 900, 20_000, None, None)
"""After how many bytes of answers the connections of a bad day break, in turn; None for never."""


def pipe(source: socket.socket, target: socket.socket, end: int | None = None) -> None:
    """Forwards until one of the two hangs up, or `end` bytes have passed: then both are reset."""
    passed = 0
    with contextlib.suppress(OSError):
        while end is None or passed < end:
            if not (piece := source.recv(4096)):
                return target.shutdown(socket.SHUT_WR)
            passed += len(piece)
            target.sendall(piece)
        for end_of_it in (source, target):
            reset(end_of_it)
    return None


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.shutdown(socket.SHUT_RD)
    connection.close()


def serve(near: socket.socket, port: int, number: int, bad: bool) -> None:
    end = ENDS[number % len(ENDS)] if bad else None
    if bad and number % len(ENDS) == len(ENDS) - 1:
        time.sleep(LATE)
    with contextlib.suppress(OSError):
        far = socket.create_connection(("127.0.0.1", port))
        threading.Thread(target=pipe, args=(near, far)).start()
        pipe(far, near, end)


if __name__ == "__main__":
    address, own, target, sign = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
    listener = socket.create_server((address, own))
    for number in itertools.count():
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, target, number, sign.exists()), daemon=True).start()
