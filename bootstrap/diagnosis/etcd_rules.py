"""etcd and its data."""

from __future__ import annotations

from bootstrap.diagnosis import state
from bootstrap.diagnosis.rule import Rule, said
from bootstrap.model import names

ETCD = "etcd"
_KEEP = "keep a copy (cp -a {etcd_data} /root/etcd-data)"

ETCD_RULES: tuple[Rule, ...] = (
    Rule(
        "etcd-data-damaged",
        said(
            r"walpb: crc mismatch|failed to read WAL, cannot be repaired|failed to repair WAL|invalid database|"
            r"failed to recover v3 backend|snap: crc mismatch|wal: (?:file not found|slice bounds|crc)|"
            r"failed to open database",
            ETCD,
        ),
        "etcd's data is damaged",
        "a write was cut off, or the files were changed from outside",
        f"{_KEEP}, and put a snapshot back: bootstrap etcd restore FILE; on a throwaway node start a new one",
        definite=True,
    ),
    Rule(
        "etcd-data-newer",
        said(
            r"invalid downgrade; server version is lower than determined cluster version",
            ETCD,
        ),
        "etcd's data was written by a newer etcd",
        "etcd does not read the data of a later minor version",
        "use an image with that etcd version or a later one",
        definite=True,
    ),
    Rule(
        "etcd-other-cluster",
        said(
            r"cluster ID mismatch|member count is unequal|error validating peerURLs|couldn't find local name|"
            r"the member has been permanently removed from the cluster|has already been bootstrapped|"
            r"failed to find local ID in cluster members|--initial-cluster has .* but missing from",
            ETCD,
        ),
        "etcd's data, or its flags, are those of another cluster or member",
        "its directory comes from elsewhere, or this member was removed from the cluster",
        f"{_KEEP}, move it away, and begin anew",
        definite=True,
    ),
    Rule(
        "etcd-data-unusable",
        said(r"cannot access (?:data|member) directory: (?P<reason>[^\"]+)", ETCD),
        "etcd cannot use its data directory",
        "{reason}",
        "ls -la {etcd_data}; it must be a directory of root with mode 0700 on a writable disk",
        definite=True,
    ),
    Rule(
        "etcd-no-quorum",
        said(r"failed to publish local member to cluster through raft|etcdserver: no leader", ETCD),
        "etcd has no leader",
        "fewer than half of its members answer",
        "start the other members; if they are gone for good: bootstrap etcd recover",
    ),
    Rule(
        "etcd-space",
        said(r"mvcc: database space exceeded|alarm:NOSPACE"),
        "etcd takes no more writes: its database has reached its quota",
        "the quota is 2 GiB unless --quota-backend-bytes says otherwise",
        "bootstrap etcd defrag, on each control plane",
    ),
    Rule(
        "snapshot-failed",
        state.timer_failed(names.SNAPSHOTS),
        "no snapshot of etcd was taken when one was due",
        "its last lines say what was in the way; it tries again every day",
        "bootstrap etcd snapshot save, or journalctl -u {source}",
    ),
    Rule(
        "etcd-slow",
        said(r"slow fdatasync.*\"took\":\"(?P<took>[^\"]+)|leader failed to send out heartbeat on time", ETCD),
        "etcd's disk is slow",
        "a write to disk took longer than 1 s; leaders are lost and requests time out when that goes on",
        "put {etcd_data} on a faster disk, or find who else writes (iostat -x 1)",
    ),
)
