"""What encryption at rest, and the audit log, cost: Secrets made and read one after the other, of clusters alike.

A connection is kept, as programs in a cluster do; what is read comes from etcd, not from the API server's memory.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import json
import ssl
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from _common import ROOT, say

sys.path.insert(0, str(ROOT))

from _bench import insert, machine, row, settle

from bootstrap.formats.kubeconfig import read_kubeconfig
from bootstrap.model import names
from tests.e2e.node import Node

SECRETS = "/api/v1/namespaces/default/secrets"
SIZE = 1024
"""Bytes of each: a password or a token and what is around it."""
WARM_UP = 50
NO_AUDIT = """apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
apiServer: {extraArgs: [{name: audit-log-path, value: ""}, {name: audit-policy-file, value: ""}]}
"""
WAYS: dict[str, tuple[str, ...]] = {
    "as it is by default": (),
    "secretbox": ("--encryption-provider", "secretbox"),
    "aescbc": ("--encryption-provider", "aescbc"),
    "without the audit log": ("--config", "/p/no-audit.yaml"),
}
KINDS = ("create", "get")


def main() -> None:
    parser = argparse.ArgumentParser(description="the cost of encryption at rest and of the audit log")
    parser.add_argument("--runs", type=int, default=3, help="clusters of each kind (default 3)")
    parser.add_argument("--secrets", type=int, default=500, help="Secrets of each cluster (default 500)")
    parser.add_argument("--markdown", type=Path, help="write the figures into this document")
    arguments = parser.parse_args()
    found: dict[tuple[str, str], list[float]] = {}
    for _ in range(arguments.runs):
        for way, words in WAYS.items():
            for kind, ms in one(words, arguments.secrets):
                found.setdefault((way, kind), []).append(ms)
                say(f"  {way}: {kind} {ms:.2f} ms")
    print(text := report(found))
    if arguments.markdown:
        insert(arguments.markdown, Path(__file__).name, text)


def one(words: tuple[str, ...], count: int) -> Iterator[tuple[str, float]]:
    """Milliseconds of a request, the median of all."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "no-audit.yaml").write_text(NO_AUDIT)
        node = Node("secrets", "init", *words, options=("--privileged", "-v", f"{folder}:/p:ro"))
        try:
            node.wait_healthy()
            settle()
            connection = connected(node)
            timed(connection, WARM_UP, "warm")
            for kind, seconds in timed(connection, count, "secret").items():
                yield kind, 1000 * sorted(seconds)[len(seconds) // 2]
        finally:
            node.remove()


def connected(node: Node) -> http.client.HTTPSConnection:
    """As the administrator, with what is kept in memory only."""
    current = read_kubeconfig(node.run("cat", names.ADMIN_CONF).encode())
    trust = ssl.create_default_context(cadata=base64.b64decode(current.cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as credential:
        for key in ("client-certificate-data", "client-key-data"):
            credential.write(base64.b64decode(current.user[key]))
        credential.flush()
        trust.load_cert_chain(credential.name)
    return http.client.HTTPSConnection(node.address(), names.API_PORT, context=trust, timeout=30)


def timed(connection: http.client.HTTPSConnection, count: int, prefix: str) -> dict[str, list[float]]:
    """Seconds of each request."""
    word = base64.b64encode(b"x" * SIZE).decode()
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(count):
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": f"{prefix}-{number}"},
            "data": {"word": word},
        }
        seconds["create"].append(asked(connection, "POST", SECRETS, json.dumps(body)))
    for number in range(count):
        seconds["get"].append(asked(connection, "GET", f"{SECRETS}/{prefix}-{number}"))
    return seconds


def asked(connection: http.client.HTTPSConnection, method: str, path: str, body: str | None = None) -> float:
    began = time.monotonic()
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status in (http.HTTPStatus.OK, http.HTTPStatus.CREATED), answer.status
    return time.monotonic() - began


def report(found: dict[tuple[str, str], list[float]]) -> str:
    runs = len(next(iter(found.values())))
    lines = [machine(runs), "", "| ms | least | median | most |", "|---|---|---|---|"]
    return "\n".join([*lines, *(row(f"{kind}: {way}", found[way, kind]) for kind in KINDS for way in WAYS)])


if __name__ == "__main__":
    main()
