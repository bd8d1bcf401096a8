"""One or two lines for the end of each command's `--help`, as they are typed."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "addon list": ("docker exec NAME bootstrap addon list", "bootstrap addon list -o json"),
    "addon remove": ("bootstrap addon remove metallb --dry-run", "docker exec NAME bootstrap addon remove metallb"),
    "bundle create": (
        "docker run --rm -v $PWD:/out IMAGE bundle create -f /out/cluster.bundle",
        "bootstrap bundle create -f FILE --config FILE --from registry --key FILE",
    ),
    "bundle inspect": ("bootstrap bundle inspect /out/cluster.bundle",),
    "bundle keygen": ("docker run --rm -v $PWD:/out IMAGE bundle keygen /out/key",),
    "bundle load": ("bootstrap bundle load /in/cluster.bundle --trusted-key /in/key.pub",),
    "bundle verify": (
        "bootstrap bundle verify /in/cluster.bundle --trusted-key /in/key.pub",
        "bootstrap bundle verify /in/cluster.bundle --insecure-unsigned --config FILE",
    ),
    "certs certificate-key": ("docker run --rm IMAGE certs certificate-key",),
    "certs check-expiration": ("docker exec NAME bootstrap certs check-expiration",),
    "certs generate-csr": ("bootstrap certs generate-csr --cert-dir /csr/pki --kubeconfig-dir /csr",),
    "certs renew": ("bootstrap certs renew all --dry-run", "bootstrap certs renew apiserver admin.conf"),
    "completion": ("bootstrap completion bash > completions/bootstrap",),
    "config images list": ("bootstrap config images list --kubernetes-version 1.36",),
    "config images pull": ("bootstrap config images pull --config FILE",),
    "config migrate": (
        "docker run --rm -i IMAGE config migrate --old-config - < old.yaml > new.yaml",
        "bootstrap config migrate --old-config old.yaml --new-config new.yaml",
    ),
    "config print": (
        "docker run --rm IMAGE config print init-defaults > config.yaml",
        "docker exec NAME bootstrap config print -o json",
    ),
    "config validate": ("docker run --rm -i IMAGE config validate --config - < config.yaml",),
    "diagnose": ("docker exec NAME bootstrap diagnose", "bootstrap diagnose -o json"),
    "cluster create": (
        "bootstrap cluster create --workers 2",
        "bootstrap cluster create dev --publish 8080:30080 --mount /src:/src:ro",
    ),
    "cluster delete": ("bootstrap cluster delete dev", "bootstrap cluster delete --all"),
    "cluster kubeconfig": ("bootstrap cluster kubeconfig dev > kubeconfig",),
    "cluster list": ("bootstrap cluster list -o json",),
    "cluster nodes": ("bootstrap cluster nodes dev",),
    "etcd defrag": ("docker exec NAME bootstrap etcd defrag",),
    "etcd recover": ("bootstrap etcd recover --dry-run", "bootstrap etcd recover --yes"),
    "etcd restore": ("bootstrap etcd restore /var/backups/etcd/before.db --yes",),
    "etcd snapshot list": ("bootstrap etcd snapshot list -o json",),
    "etcd snapshot save": ("docker exec NAME bootstrap etcd snapshot save", "bootstrap etcd snapshot save /mnt/a.db"),
    "etcd snapshot status": ("bootstrap etcd snapshot status /mnt/a.db",),
    "healthcheck": ("docker exec NAME bootstrap healthcheck",),
    "images explain": ("bootstrap images explain registry.k8s.io/pause:3.10.2 --mirrors FILE",),
    "images list": ("docker run --rm IMAGE images list", "bootstrap images list --config FILE --lock FILE -o json"),
    "images load": ("docker save IMAGE | docker exec -i NAME bootstrap images load -",),
    "images lock": ("bootstrap images lock --kubernetes-version 1.36 --file images.lock",),
    "images pull": (
        "docker exec NAME bootstrap images pull docker.io/library/busybox:1.37",
        "bootstrap images pull --config FILE --to /out/layout --arch arm64",
    ),
    "init": (
        "docker run -d --privileged -p 6443:6443 IMAGE init --addon metrics-server",
        "bootstrap init --config FILE --pod-network-cidr 10.42.0.0/16 --dry-run",
        "bootstrap init --reconfigure --apiserver-cert-extra-sans api.example.com",
    ),
    "join": (
        "docker run -d --privileged IMAGE join 192.0.2.10:6443 --token TOKEN …",
        "bootstrap join --discovery-file /cluster-info --token-file /token",
        "bootstrap join --config FILE --dry-run",
    ),
    "kubeconfig": (
        "docker exec NAME bootstrap kubeconfig > kubeconfig",
        "docker exec NAME bootstrap kubeconfig --server https://api.example.com:6443",
        "docker run --rm -v ~/.kube:/root/.kube IMAGE kubeconfig --unmerge",
        "bootstrap kubeconfig user --client-name ann --org developers > ann.conf",
    ),
    "node": ("docker run -d --name NAME --privileged IMAGE node",),
    "preflight": (
        "docker run --rm --privileged IMAGE preflight",
        "bootstrap preflight --config FILE --strict -o json",
    ),
    "reset": (
        "docker exec -it NAME bootstrap reset",
        "bootstrap reset --drain --dry-run",
        "bootstrap reset --drain --kubeconfig /root/admin.conf",
    ),
    "token create": ("bootstrap token create --ttl 2h --print-join-command",),
    "token delete": ("bootstrap token delete abcdef",),
    "token generate": ("bootstrap token generate",),
    "token list": ("bootstrap token list -o json",),
    "version": ("docker run --rm IMAGE version -o json",),
    "wrapper": ("docker run --rm IMAGE wrapper > bootstrap && chmod +x bootstrap",),
}
"""Command → its examples; IMAGE, NAME and FILE are the user's."""
