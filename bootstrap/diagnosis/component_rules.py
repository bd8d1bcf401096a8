"""What any component can fail at: flags, ports, files, certificates; and what only follows from something else."""

from __future__ import annotations

from bootstrap.diagnosis import state
from bootstrap.diagnosis.rule import Rule, said
from bootstrap.model import names

APISERVER = "kube-apiserver"
LEADERS = ("kube-controller-manager", "kube-scheduler")
_ARGS = "correct extraArgs of {source} in the configuration (the kubelet's: nodeRegistration.kubeletExtraArgs)"
_PASSING = r"proc/\d|\S*/io\.containerd\.runtime"
"""Files that are gone when their process, or the shim of a container, has ended: nobody misses them for long."""


def _whole_log(component: str) -> str:
    """The command that shows it, also of a container that ended."""
    return f"crictl logs $(crictl ps -a --name {component} -q | head -1)"


COMPONENT_RULES: tuple[Rule, ...] = (
    Rule(
        "port-taken",
        state.port_taken,
        "{source} cannot listen on port {port}: it is held by {holder}",
        "bind: address already in use ({address}:{port})",
        "stop the holder, or choose another port",
        definite=True,
    ),
    Rule(
        "flag-unknown",
        said(r"(?:unknown flag|unknown shorthand flag|flag provided but not defined): (?P<flag>[^\s\"\\]+)"),
        "{source} does not know the flag {flag}",
        "it is misspelt, or not in this version",
        _ARGS,
        definite=True,
    ),
    Rule(
        "flag-value",
        said(r"invalid argument \\*\"(?P<value>[^\\\"]*)\\*\" for \\*\"(?P<flag>[^\\\"]+)\\*\""),
        "{source} refuses the value {value} of {flag}",
        "it is not of the kind that this flag takes",
        _ARGS,
        definite=True,
    ),
    Rule(
        "feature-gate",
        said(r"unrecognized feature gate: (?P<gate>[\w-]+)"),
        "{source} does not know the feature gate {gate}",
        "it is misspelt, or was removed when its feature became stable",
        "leave it out of feature-gates and featureGates",
        definite=True,
    ),
    Rule(
        "admission-plugin",
        said(r"admission-plugins plugin \\*\"(?P<plugin>[^\\\"]+)\\*\" is unknown", APISERVER),
        "kube-apiserver does not know the admission plugin {plugin}",
        "it is misspelt, or not in this version",
        "correct enable-admission-plugins and disable-admission-plugins in apiServer.extraArgs",
        definite=True,
    ),
    Rule(
        "service-range",
        said(
            r"command failed\" err=\"(?P<reason>[^\"]*service-cluster-ip-range[^\"]*)",
            APISERVER,
        ),
        "kube-apiserver refuses its Service network",
        "{reason}",
        "correct networking.serviceSubnet (--service-cidr)",
        definite=True,
    ),
    Rule(
        "audit-policy",
        said(r"loading audit policy file: (?P<reason>.*?)\"?$", APISERVER),
        "kube-apiserver refuses its audit policy",
        "{reason}",
        "correct the file that --audit-policy-file names",
        definite=True,
    ),
    Rule(
        "encryption-config",
        said(
            r"err=\"(?P<reason>error while parsing file: resources\[.*|.*encryption provider config.*)\"",
            APISERVER,
        ),
        "kube-apiserver refuses its encryption configuration",
        "{reason}",
        "correct the file that --encryption-provider-config names",
        definite=True,
    ),
    Rule(
        "encryption-key",
        said(
            r"corrupt object, Code: \d+, Key: (?P<key>[^,\s]+), .*data from the storage is not transformable", APISERVER
        ),
        "kube-apiserver cannot decrypt {key}",
        "it was encrypted with another key than those of this machine's encryption configuration",
        "bring the file that --encryption-provider-config names, as it was when that was written: from another control "
        "plane, or from where it was kept with the snapshot",
    ),
    Rule(
        "certificate-ended",
        state.certificate_ended,
        "the certificate {source} has expired",
        "certificates of leaves are valid for one year unless renewed; or the clock is wrong (date)",
        "bootstrap certs renew all, which restarts who reads it; or set the clock",
        definite=True,
    ),
    Rule(
        "certificate-early",
        state.certificate_early,
        "the certificate {source} is not valid yet",
        "the clock was ahead when it was made, or is behind now",
        "set the clock (date; timedatectl set-ntp true)",
        definite=True,
    ),
    Rule(
        "certificate-foreign",
        state.certificate_foreign,
        "the certificate {source} is not signed by the CA beside it",
        "the CA or the certificate was replaced alone",
        "bootstrap init, which issues it again from the CA that is there",
        definite=True,
    ),
    Rule(
        "renewal-failed",
        state.timer_failed(names.RENEWAL),
        "the certificates of this machine were not renewed when they were due",
        "its last lines say what was in the way; it tries again every day",
        "bootstrap certs renew all --due, or journalctl -u {source}",
    ),
    Rule(
        "tls-expired",
        said(r"x509: certificate has expired or is not yet valid(?P<when>: current time \S+ is \w+ [^\s\"\\]+)?"),
        "{source} meets a certificate that has expired or is not yet valid",
        "it was not renewed, or a clock is wrong{when}",
        "compare date with: bootstrap certs check-expiration; then bootstrap certs renew all, or set the clock",
        definite=True,
    ),
    Rule(
        "tls-unknown-ca",
        said(r"x509: certificate signed by unknown authority"),
        "{source} meets a certificate of another CA",
        "certificates of two clusters, or of before and after a change of the CA, are mixed",
        "bootstrap init, which issues again what does not belong to the CA in {pki}",
        definite=True,
    ),
    Rule(
        "tls-name",
        said(
            r"x509: certificate is valid for .*?, not (?P<name>[^\s\"\\]+)|"
            r"x509: cannot validate certificate for (?P<address>\S+) because it doesn't contain any IP SANs"
        ),
        "a certificate that {source} meets is not valid for {name}{address}",
        "the server is called by a name or address that its certificate does not hold",
        "add it to apiServer.certSANs (--apiserver-cert-extra-sans), or call it by a name it has",
        definite=True,
    ),
    Rule(
        "key-mismatch",
        said(r"tls: private key (?:type )?does not match public key"),
        "{source} has a certificate and a key that do not belong together",
        "one of the two files was replaced alone",
        "move both away and run bootstrap init, which makes them again",
        definite=True,
    ),
    Rule(
        "permission-denied",
        said(r"(?:open|stat|mkdir|read) (?P<file>/[^\s:\"\\]+): permission denied", about_pods=False),
        "{source} may not read {file}",
        "its mode or owner is wrong, or a security module forbids it",
        "ls -la {file}; keys belong to root with mode 0600",
        definite=True,
    ),
    Rule(
        "file-missing",
        said(rf"(?:open|stat|read) (?P<file>/(?!{_PASSING})[^\s:\"\\]+): no such file or directory", about_pods=False),
        "{source} needs {file}, which is not there",
        "it was removed, or is not mounted into the Pod",
        "put it back, or mount it with extraVolumes; bootstrap init writes its own files again",
        definite=True,
    ),
    Rule(
        "command-refused",
        said(r"command failed\" err=\"(?P<reason>(?:--|invalid |unsupported )[^\"]*)"),
        "{source} refuses its arguments",
        "{reason}",
        _ARGS,
        definite=True,
    ),
    Rule(
        "start-too-slow",
        said(
            r"PostStartHook \\*\"(?P<hook>[^\\\"]+)\\*\" failed: .*(?:timed out|allocation check(?: \(timeout\))?$)",
            APISERVER,
        ),
        "kube-apiserver ended itself, since it did not start in time",
        "{hook} had a fixed minute or less: the disk or the CPUs are slow, or busy with other work",
        "leave it alone: the kubelet starts it again within five minutes; and stop other work, or give it more CPU",
    ),
    Rule(
        "lease-lost",
        said(r"(?i)failed to renew lease|leaderelection lost", *LEADERS),
        "{source} ended itself, since it could not renew its lease in time",
        "the API server or etcd did not answer for ten seconds: the disk or the CPUs are slow, or busy with other work",
        "bootstrap preflight says how long a write takes; or give it longer: leader-elect-lease-duration and "
        "leader-elect-renew-deadline in its extraArgs",
    ),
    Rule(
        "pod-range-missing",
        # Not definite: a controller-manager that starts late gives it late.
        said(r"node \\*\"(?P<node>[^\\\"]+)\\*\" pod cidr not assigned"),
        "node {node} has no Pod range, without which {source} does not start",
        "the controller-manager, which gives it, does not run, or has allocate-node-cidrs=false; or podSubnet is full",
        f"{_whole_log('kube-controller-manager')}, and correct what it says",
    ),
    Rule(
        "etcd-unreachable",
        state.etcd_unreachable,
        "kube-apiserver does not reach etcd",
        "etcd does not run, or not yet",
        f"crictl ps -a --name etcd; {_whole_log('etcd')}",
    ),
)

CRASH_LOOP = "crash-loop"
UNEXPLAINED = Rule(
    CRASH_LOOP,
    state.crash_loop,
    "{source} ended {times} times",
    "no rule knows its last lines",
    f"look at its whole log: {_whole_log('{source}')}",
    definite=True,
)

SERVING_RULES: tuple[Rule, ...] = (
    Rule(
        "kubelet-refused",
        state.kubelet_refused,
        "{source} asks for a serving certificate that nobody approves: logs and exec fail there",
        "it names what the Node does not have, or what is another's",
        "correct the node's name or addresses (kubectl get nodes -o wide), or, if you know why they are right: "
        "kubectl certificate approve {request}",
    ),
    Rule(
        "kubelet-unapproved",
        state.kubelet_unapproved,
        "{source} waits for its serving certificate: logs and exec fail there",
        f"{names.APPROVER} does not run on a control plane, or is not allowed to approve",
        f"bootstrap certs approve; then: journalctl -u {names.APPROVER}",
    ),
    Rule(
        "kubelet-unsigned",
        said("no serving certificate available for the kubelet", "kubelet"),
        "this machine's kubelet has no serving certificate yet: logs and exec fail here",
        "no control plane has approved its request",
        "on a control plane: bootstrap certs approve",
    ),
)
"""Requests wait while a control plane starts, or does not."""
