"""The CIS benchmark, as kube-bench of the component cache checks it inside of a container."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.e2e.node import component, docker, must

BENCHMARK = "cis-1.10"
"""The newest that the module holds."""
MODULE = "github.com/aquasecurity/kube-bench@v0.12.0"
KNOWN = {"1.1.12"}
"""What fails (docs/explanation/hardening.md)."""


def failed(container: str) -> dict[str, str]:
    """Number → text of each check that a control plane fails."""
    cache = subprocess.run(["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True).stdout.strip()
    must(docker("cp", str(component("kube-bench", "kube-bench")), f"{container}:/root/kube-bench"))
    must(docker("cp", str(Path(cache, MODULE, "cfg")), f"{container}:/root/kube-bench-cfg"))
    words = ("--benchmark", BENCHMARK, "-D", "/root/kube-bench-cfg", "--targets", "master,etcd,controlplane,node")
    said = json.loads(must(docker("exec", container, "/root/kube-bench", "run", *words, "--json")))
    must(docker("exec", container, "rm", "-r", "/root/kube-bench", "/root/kube-bench-cfg"))
    assert said["Totals"]["total_pass"] > len(KNOWN), said["Totals"]
    checks = [r for control in said["Controls"] for group in control["tests"] for r in group["results"]]
    return {r["test_number"]: f"{r['test_desc']}: {r['actual_value']}" for r in checks if r["status"] == "FAIL"}
