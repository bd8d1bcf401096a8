"""Three control planes share an address; the one that has it is killed: how long until a write by the address succeeds.

Each run kills the holder (`docker kill`: no word to the others, as in a power cut), writes by the address from another
control plane until that works, and starts it again. The goal is printed beside the figures and never asserted.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time

from _common import ROOT, say

sys.path.insert(0, str(ROOT))

from tests.e2e import test_joining as three
from tests.e2e.node import PREFIX, Node, docker, must, until

NETWORK = f"{PREFIX}-failover"
GOAL = 5.0
IMPATIENT = "kubectl --request-timeout=1s create configmap"


def main() -> None:
    parser = argparse.ArgumentParser(description="a control plane that has the address of all is killed")
    parser.add_argument("--runs", type=int, default=5, help="how often (default 5)")
    arguments = parser.parse_args()
    nodes: list[Node] = []
    must(docker("network", "create", "--subnet", three.SUBNET, NETWORK))
    try:
        begin(nodes)
        seconds = [one_death(nodes, number) for number in range(1, arguments.runs + 1)]
    finally:
        for node in nodes:
            node.remove()
        docker("network", "rm", NETWORK)
    print("| | median | fastest to slowest | goal |\n|---|---|---|---|")
    spread = f"{min(seconds):.1f} to {max(seconds):.1f} s"
    print(f"| holder killed → a write succeeds | {statistics.median(seconds):.1f} s | {spread} | {GOAL:.0f} s |")


def begin(nodes: list[Node]) -> None:
    """Three of them, the second and the third at once."""
    on_network = ("--privileged", "--network", NETWORK)
    nodes.append(Node("failover-1", "init", "--control-plane-vip", three.SHARED, "--upload-certs", options=on_network))
    nodes[0].wait_healthy()
    words = three.lines(nodes[0].logs())[1].split()[1:]
    nodes += [Node(f"failover-{i}", *words, options=on_network) for i in (2, 3)]
    for node in nodes:
        node.wait_healthy(180)


def one_death(nodes: list[Node], number: int) -> float:
    """Seconds from the kill."""
    (holder,) = until("one has the address", lambda: three.holders(*nodes))
    survivor = next(node for node in nodes if node is not holder)
    loop = f"i=0; until {IMPATIENT} run-{number}-$i >/dev/null 2>&1; do i=$((i+1)); done"
    began = time.monotonic()
    must(docker("kill", holder.name))
    survivor.run("sh", "-c", loop)
    took = time.monotonic() - began
    say(f"  {number}: {took:.2f} s")
    must(docker("start", holder.name))
    holder.wait_healthy(180)
    return took


if __name__ == "__main__":
    main()
