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
    "certs certificate-key": ("bootstrap init --upload-certs --certificate-key $(bootstrap certs certificate-key)",),
    "certs check-expiration": ("docker exec NAME bootstrap certs check-expiration",),
    "certs generate-csr": ("bootstrap certs generate-csr --cert-dir /root/csr/pki --kubeconfig-dir /root/csr",),
    "certs renew": ("bootstrap certs renew all --dry-run", "bootstrap certs renew apiserver admin.conf"),
