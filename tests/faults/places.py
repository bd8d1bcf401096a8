"""Where whole runs of the command are ended after a step: a node container, and a machine that is somebody else's."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from tests.e2e.node import Node, must
from tests.host.machine import ENTER, PRODUCT, Machine

HERE = Path(__file__).parent
SLOW = 300.0
SCRIPT = "/faults/inside.py"
PYTHON = "/usr/bin/python3"
STATE = """
find /etc /opt /usr/local /var/lib /var/log -xdev \
  -not -path '/var/lib/containerd*' -not -path '/var/lib/systemd/*' -not -path '/var/log/journal*' \
  -printf '%p %M %u %g %l\\n' | sort
find /etc /opt /usr/local -xdev -type f -exec sha256sum {} + | sort -k2
awk '{print $2}' /proc/mounts | grep -v ^/run/credentials/ | sort
ip -br link | awk '{print $1}' | sed 's/@.*//' | sort
for unit in kubelet containerd; do echo $unit $(systemctl is-active $unit) $(systemctl is-enabled $unit); done
"""


class OnNode(Node):
    """A node container without a cluster."""

    config: tuple[str, ...] = ()

    def __init__(self, name: str = "faults", *options: str) -> None:
        super().__init__(name, "node", options=("--privileged", "-v", f"{HERE}:/faults:ro", *options))
        self.wait_healthy(60)

    def bootstrap(self, *words: str) -> CompletedProcess[str]:
        return self.exec("bootstrap", *words, timeout=SLOW)

    def ended(self, after: int, signal: str, *words: str) -> CompletedProcess[str]:
        """The command, which sends itself a signal after some steps."""
        return self.exec(PYTHON, "-IS", SCRIPT, str(after), signal, *words, timeout=SLOW)

    def sh(self, script: str) -> CompletedProcess[str]:
        return self.exec("sh", "-c", script, timeout=SLOW)

    def look(self) -> list[str]:
        return must(self.sh(STATE)).splitlines()

    def is_ready(self) -> bool:
        conditions = self.get("nodes")["items"][0]["status"]["conditions"]
        return [c["status"] for c in conditions if c["type"] == "Ready"] == ["True"]


class OnHost(Machine):
    """A systemd host with Docker, which the command enters."""

    config = ("--config", "/root/config.yaml")

    def __init__(self) -> None:
        super().__init__("faults", options=("-v", f"{HERE}:/faults:ro"))
        self.load_product()

    def ended(self, after: int, signal: str, *words: str) -> CompletedProcess[str]:
        """The command, which sends itself a signal after some steps."""
        entered = f"docker run --rm {' '.join(ENTER)} -v /faults:/faults:ro --entrypoint {PYTHON} {PRODUCT}"
        return self.sh(f"{entered} -IS {SCRIPT} {after} {signal} {' '.join(words)}", SLOW)

    def look(self) -> list[str]:
        return self.state()


Place = OnNode | OnHost
PLACES = {"a node": OnNode, "a host": OnHost}
