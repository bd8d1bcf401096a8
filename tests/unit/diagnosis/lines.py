"""Log lines as the components write them: taken from real runs of the versions in images/catalog.yaml.

Those below NOT_RUN are written after the components' source, since the machine that it takes was not there.
"""

# ruff: noqa: E501 - log lines are as long as they are
from __future__ import annotations

FAILED = 'E1121 16:10:20.801983   27137 run.go:72] "command failed" err="'
SYNC = 'E1121 16:18:28.486483     135 pod_workers.go:1338] "Error syncing pod, skipping" err="failed to '
ETCD_POD = ' pod="kube-system/etcd-5f7352a9fc62" podUID="4a5c37967a9542a39b483e4642251839"'
_DECODE = (
    "failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config "
)
_FATAL = '{"level":"fatal","ts":"2026-11-21T16:11:34.901890Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"'
_PAUSE = 'image \\\\\\"localhost/nothing-there/pause:3.10.2\\\\\\"'

WANTS_LOGIN = (
    "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth "
    "credentials",
    "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: "
    "authorization failed",
    "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
    "http://172.17.0.1:40297/token?scope=repository%3Ateam%2Fapp%3Apull&service=r: 401 Unauthorized",
    "unexpected status from HEAD request to http://172.17.0.1:41031/v2/team/app/manifests/1?ns=forbidden.example: 403 "
    "Forbidden\\\\ndenied",
    "unexpected status from HEAD request to http://172.17.0.1:33681/v2/team/app/manifests/1?ns=plain401.example: 401 "
    "Unauthorized",
)
"""What containerd says of registries that want one, each in its own way."""


def pulling(reason: str) -> str:
    return (
        f'{SYNC}\\"StartContainer\\" for \\"etcd\\" with ErrImagePull: \\"failed to pull and unpack image '
        f'\\\\\\"a.test/team/app:1\\\\\\": failed to resolve image: {reason}\\""{ETCD_POD}'
    )


# rule → (component or unit, line)
RUN: dict[str, tuple[str, str]] = {
    "virtual-router-taken": (
        "keepalived",
        "Sun Nov 29 01:42:36 2026: (control-plane) ip address associated with VRID 200 not present in advert from "
        "192.0.2.11: 192.0.2.200",
    ),
    "virtual-router-stranger": (
        "keepalived",
        "Sun Nov 29 01:40:00 2026: (control-plane) received an invalid passwd from 192.0.2.11!",
    ),
    "coredns-no-upstream": ("coredns", "plugin/forward: no valid upstream addresses found"),
    "no-space": (
        "etcd",
        '{"level":"panic","ts":"2026-11-21T16:12:27.114016Z","caller":"etcdserver/bootstrap.go:679",'
        '"msg":"failed to create WAL","error":"no space left on device","stacktrace":"go.etcd.io/etcd/server/v3"}',
    ),
    "kubelet-config-missing": (
        "kubelet",
        f'{FAILED}{_DECODE}file /nope.yaml, error failed to read kubelet config file \\"/nope.yaml\\", '
        'error: open /nope.yaml: no such file or directory"',
    ),
    "kubelet-config-invalid": (
        "kubelet",
        f"{FAILED}{_DECODE}file /var/lib/kubelet/config.yaml, error failed to decode: yaml: line 1: did not find "
        'expected node content"',
    ),
    "cgroup-v1": (
        "kubelet",
        f"{FAILED}failed to validate kubelet configuration, error: kubelet is configured to not run on a host using "
        "cgroup v1. cgroup v1 support is unsupported and will be removed in a future release, path: "
        '&TypeMeta{Kind:,APIVersion:,}"',
    ),
    "kubelet-credentials": (
        "kubelet",
        f'{FAILED}failed to run Kubelet: unable to load bootstrap kubeconfig: stat /nope2.conf: no such file or directory"',
    ),
    "kubelet-exits": (
        "kubelet",
        f'{FAILED}failed to run Kubelet: no client provided, cannot use webhook authentication"',
    ),
    "pause-image-missing": (
        "kubelet",
        f'{SYNC}\\"CreatePodSandbox\\" for \\"etcd-5f7352a9fc62_kube-system(4a5c37967a9542a39b483e4642251839)\\" with '
        'CreatePodSandboxError: \\"Failed to create sandbox for pod \\\\\\"etcd-5f7352a9fc62_kube-system(4a5c)\\\\\\": rpc '
        f"error: code = Unknown desc = failed to pull {_PAUSE}: failed to pull and unpack {_PAUSE}: failed to resolve "
        'image: failed to do request: Head \\\\\\"https://localhost/v2/nothing-there/pause/manifests/3.10.2\\\\\\": dial '
        f'tcp [::1]:443: connect: connection refused\\""{ETCD_POD}',
    ),
    "etcd-data-damaged": (
        "etcd",
        f"{_FATAL}walpb: crc mismatch: expected: 8593bb6 computed: b193bb6: in file "
        "'0000000000000000-0000000000000000.wal' at position: 56\"}",
    ),
    "etcd-other-cluster": (
        "etcd",
        f'{_FATAL}couldn\'t find local name \\"b\\" in the initial cluster configuration"}}',
    ),
    "etcd-data-unusable": (
        "etcd",
        f'{_FATAL}cannot access member directory: open /var/lib/etcd/member/.touch: not a directory","stacktrace":""}}',
    ),
    "flag-unknown": ("kube-apiserver", "Error: unknown flag: --bogus-flag"),
    "flag-value": (
        "kube-apiserver",
        'Error: invalid argument "banana" for "-v, --v" flag: strconv.ParseUint: parsing "banana": invalid syntax',
    ),
    "feature-gate": ("kube-apiserver", f'{FAILED}unrecognized feature gate: Nope"'),
    "admission-plugin": ("kube-apiserver", f'{FAILED}enable-admission-plugins plugin \\"Nope\\" is unknown"'),
    "service-range": ("kube-apiserver", f'{FAILED}service-cluster-ip-range[0] is not a valid cidr"'),
    "audit-policy": (
        "kube-apiserver",
        f'{FAILED}loading audit policy file: rules[0].level: Unsupported value: \\"Nope\\": supported values: '
        '\\"None\\", \\"Metadata\\", \\"Request\\", \\"RequestResponse\\": from file audit.yaml"',
    ),
    "encryption-config": (
        "kube-apiserver",
        f"{FAILED}error while parsing file: resources[0].providers[0].aescbc.keys[0].secret: Invalid value: "
        '\\"REDACTED\\": secrets must be base64 encoded"',
    ),
    "encryption-key": (
        "kube-apiserver",
        "E1129 09:10:38.761414       1 cacher.go:506] cacher (secrets): unexpected ListAndWatch error: failed to list "
        "<unspecified>: failed to read one or more secrets from the storage: StorageError: corrupt object, Code: 7, "
        "Key: /registry/secrets/default/s1, ResourceVersion: 0, AdditionalErrorMsg: data from the storage is not "
        "transformable revision=0: output array was not large enough for encryption (and 1 more); reinitializing...",
    ),
    "file-missing": ("kube-apiserver", f'{FAILED}open /nope: no such file or directory"'),
    "command-refused": (
        "kube-apiserver",
        f'{FAILED}--secure-port 70000 must be between 1 and 65535, inclusive. It cannot be turned off with 0"',
    ),
    "start-too-slow": (
        "kube-apiserver",
        'F1122 10:20:22.610191       1 hooks.go:203] PostStartHook "start-service-ip-repair-controllers" failed: '
        "unable to perform initial IP and Port allocation check (timeout)",
    ),
    "lease-lost": (
        "kube-controller-manager",
        'I1122 07:28:49.843977       1 leaderelection.go:304] "Failed to renew lease" '
        'lock="kube-system/kube-controller-manager" err="context deadline exceeded"',
    ),
    "pod-range-missing": (
        "kube-flannel",
        "E1122 18:34:28.764297       1 main.go:381] Error registering network: failed to acquire lease: "
        'node "8aed8184eb4f" pod cidr not assigned',
    ),
    "etcd-unreachable": (
        "kube-apiserver",
        f'{FAILED}error creating storage factory: etcd grpc connection not ready: context deadline exceeded"',
    ),
}
BIND = (
    f"{FAILED}failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: "
    'bind: address already in use"'
)
ETCD_BAD_FLAG = "flag provided but not defined: -bogus-flag"
ETCD_BIND = f'{_FATAL}listen tcp 127.0.0.1:2379: bind: address already in use","stacktrace":"go.etcd.io"}}'
ETCD_DATABASE = (
    '{"level":"panic","ts":"2026-11-21T16:12:25.907258Z","caller":"backend/backend.go:215","msg":"failed to open '
    'database","path":"/var/lib/etcd/member/snap/db","error":"invalid database","stacktrace":"go.etcd.io/etcd"}'
)

NOT_RUN: dict[str, tuple[str, str]] = {
    "address-not-here": (
        "etcd",
        f'{_FATAL}listen tcp 192.0.2.1:2380: bind: cannot assign requested address","stacktrace":"go.etcd.io"}}',
    ),
    "coredns-loop": (
        "coredns",
        '[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :53) detected for zone ".", see '
        'https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."',
    ),
    "proxy-in-the-way": (
        "kube-scheduler",
        'E1128 21:29:43.778385       1 reflector.go:205] "Failed to watch" err="failed to list *v1.Node: Get '
        '\\"https://172.17.0.2:6443/api/v1/nodes?limit=500\\": proxyconnect tcp: dial tcp 192.0.2.1:3128: connect: '
        'connection refused" type="*v1.Node"',
    ),
    "webhook-absent": (
        "kube-apiserver",
        'W1128 21:29:43.778385       1 dispatcher.go:225] "Failed calling webhook, failing closed" webhook="w.example.test" '
        'err="failed calling webhook \\"w.example.test\\": failed to call webhook: Post '
        '\\"https://judge.tool.svc:443/validate?timeout=10s\\": no endpoints available for service \\"judge\\""',
    ),
    "inotify-instances": (
        "containerd",
        'level=error msg="failed to load plugin" error="failed to create CRI service: failed to create cni conf monitor for '
        'default: failed to create fsnotify watcher: too many open files" id=io.containerd.grpc.v1.cri',
    ),
    "kmsg-missing": (
        "kubelet",
        f'{FAILED}failed to run Kubelet: failed to create kubelet: open /dev/kmsg: no such file or directory"',
    ),
    "inotify-watches": (
        "kubelet",
        'E1128 21:29:43.778385     135 kubelet.go:1703] "Failed to start cAdvisor" err="inotify_add_watch '
        '/sys/fs/cgroup/cpu: no space left on device"',
    ),
    "swap-on": (
        "kubelet",
        f"{FAILED}failed to run Kubelet: running with swap on is not supported, please disable swap or set "
        '--fail-swap-on flag to false"',
    ),
    "cgroup-driver": (
        "kubelet",
        f'{SYNC}\\"CreatePodSandbox\\" ... expected cgroupsPath to be of format \\"slice:prefix:name\\" for systemd '
        f'cgroups, got \\"/kubepods/x\\" instead"{ETCD_POD}',
    ),
    "manifest-invalid": (
        "kubelet",
        'E1121 16:18:28.4     135 file.go:186] "Could not process manifest file" err="invalid pod: yaml: line 3" '
        'path="/etc/kubernetes/manifests/etcd.yaml"',
    ),
    "eviction": (
        "kubelet",
        'I1121 16:18:28.4     135 eviction_manager.go:389] "Eviction manager: attempting to reclaim" '
        'resourceName="ephemeral-storage"',
    ),
    "no-cni": (
        "kubelet",
        f'{SYNC}\\"CreatePodSandbox\\" for \\"coredns-1_kube-system(1)\\" with CreatePodSandboxError: \\"rpc error: failed '
        'to setup network for sandbox \\\\\\"1\\\\\\": plugin type=\\\\\\"flannel\\\\\\" failed\\"" pod="kube-system/coredns-1"',
    ),
    "image-never-pulled": (
        "kubelet",
        f'{SYNC}\\"StartContainer\\" for \\"etcd\\" with ErrImageNeverPull: \\"Container image \\\\\\"a/etcd:1\\\\\\" is not '
        f'present with pull policy of Never\\""{ETCD_POD}',
    ),
    "image-wants-login": ("kubelet", pulling(WANTS_LOGIN[0])),
    "image-refused": (
        "kubelet",
        f'{SYNC}\\"StartContainer\\" for \\"etcd\\" with ErrImagePull: \\"rpc error: code = NotFound desc = failed to pull '
        f'and unpack image \\\\\\"a.test/etcd:1\\\\\\": failed to resolve image: a.test/etcd:1: not found\\""{ETCD_POD}',
    ),
    "image-pull-fails": (
        "kubelet",
        f'{SYNC}\\"StartContainer\\" for \\"etcd\\" with ImagePullBackOff: \\"Back-off pulling image \\\\\\"a.test/etcd:1\\\\\\": '
        f'ErrImagePull: rpc error: failed to pull image: dial tcp: lookup a.test: i/o timeout\\""{ETCD_POD}',
    ),
    "volume-missing": (
        "kubelet",
        'E1121 16:18:28.4 135 nestedpendingoperations.go:348] "Operation failed" err="MountVolume.SetUp failed for '
        'volume \\"x\\" : hostPath type check failed: /nope is not a directory"',
    ),
    "container-not-created": (
        "kubelet",
        f'{SYNC}\\"StartContainer\\" for \\"kube-scheduler\\" with CreateContainerError: \\"failed to generate container '
        f'spec: failed to stat\\""{ETCD_POD}',
    ),
    "container-configuration": (
        "kubelet",
        f'{SYNC}\\"StartContainer\\" for \\"coredns\\" with CreateContainerConfigError: \\"configmap \\\\\\"coredns\\\\\\" '
        f'not found\\""{ETCD_POD}',
    ),
    "wrong-architecture": ("etcd", "exec /usr/local/bin/etcd: exec format error"),
    "program-missing": (
        "etcd",
        "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
        'unable to start container process: error during container init: exec: "etcd": executable file not found in $PATH',
    ),
    "etcd-data-newer": (
        "etcd",
        '{"level":"panic","caller":"version/downgrade.go:50","msg":"invalid downgrade; server version is lower than '
        'determined cluster version","current-server-version":"3.6.0","determined-cluster-version":"3.7"}',
    ),
    "etcd-no-quorum": (
        "etcd",
        '{"level":"warn","caller":"etcdserver/server.go:1839","msg":"failed to publish local member to cluster through raft"}',
    ),
    "etcd-space": ("kube-apiserver", "etcdserver: mvcc: database space exceeded"),
    "etcd-slow": (
        "etcd",
        '{"level":"warn","caller":"wal/wal.go:849","msg":"slow fdatasync","took":"2.1s","expected-duration":"1s"}',
    ),
    "tls-expired": (
        "kube-controller-manager",
        'Get "https://10.0.0.1:6443/x": tls: failed to verify certificate: x509: certificate has expired or is not yet '
        "valid: current time 2027-11-22T16:10:20Z is after 2027-11-21T16:05:20Z",
    ),
    "kubelet-unsigned": (
        "kubelet",
        "I1129 09:23:07.1 135 log.go:245] http: TLS handshake error from 172.17.0.3:37110: no serving certificate "
        "available for the kubelet",
    ),
    "tls-unknown-ca": (
        "kube-scheduler",
        'Get "https://10.0.0.1:6443/x": tls: failed to verify certificate: x509: certificate signed by unknown authority',
    ),
    "tls-name": (
        "kube-scheduler",
        'Get "https://10.0.0.9:6443/x": tls: failed to verify certificate: x509: certificate is valid for 10.96.0.1, '
        "10.0.0.1, not 10.0.0.9",
    ),
    "key-mismatch": ("kube-apiserver", f'{FAILED}tls: private key does not match public key"'),
    "permission-denied": ("etcd", f'{_FATAL}open /etc/kubernetes/pki/etcd/server.key: permission denied"}}'),
}
