"""The images inside: the trees that they consist of (a layer each), and what each image says about itself."""

from __future__ import annotations

import os
from typing import Any

from _common import architecture, catalog, minor, triplet

KUBERNETES = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
INNER = ("hyperkube", "etcd", "coredns", "pause", "flannel")
"""The components that the images consist of."""
MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def inner_images(arch: str = "") -> dict[str, Any]:
    """What they consist of for an architecture, this machine's if none is given: trees, and images made of them."""
    arch = arch or architecture()
    entry, repository = minor(), catalog()["repository"]
    names = {name: f"{repository}/{image['name']}:{image['tag']}" for name, image in entry["images"].items()}
    legacy_and_nft = [
        f"{family}{flavour}{verb}"
        for family in ("iptables", "ip6tables")
        for flavour in ("-nft", "-legacy")
        for verb in ("", "-save", "-restore")
    ]
    links = {f"usr/sbin/{name}": f"xtables-{'legacy' if '-legacy' in name else 'nft'}-multi" for name in legacy_and_nft}
    links |= {
        f"usr/sbin/{family}{verb}": f"{family}-nft{verb}"
        for family in ("iptables", "ip6tables")
        for verb in ("", "-save", "-restore")
    }
    links["usr/bin/sh"] = "dash"
    certificates = {"/etc/ssl/certs/ca-certificates.crt": "etc/ssl/certs/ca-certificates.crt"}
    trees = {
        "net": {
            "merged": {link: to for link, to in MERGED.items() if link != "lib64" or arch == "amd64"},
            "links": links,
            "folders": [f"/usr/lib/{triplet(arch)}/xtables"],
            # Without it nft tells protocols by number, and kube-proxy does not know its own elements again.
            "files": {"/etc/protocols": "etc/protocols"},
            "empty": {"tmp": "1777", "run": "755"},
            "programs": [
                "/usr/sbin/nft",
                "/usr/sbin/xtables-nft-multi",
                "/usr/sbin/xtables-legacy-multi",
                "/usr/bin/cp",
                "/usr/bin/mkdir",
                "/usr/bin/rm",
                "/usr/bin/sleep",
                "/usr/bin/dash",
            ],
        },
        "hyperkube": {
            "files": {"hyperkube/hyperkube": "usr/local/bin/hyperkube"},
            "links": {f"usr/local/bin/{name}": "hyperkube" for name in (*KUBERNETES, "kubelet", "kubectl")},
        },
        "flannel": {
            "files": {"flannel/flanneld": "opt/bin/flanneld"},
            "links": {f"usr/local/bin/{name}": "../../../opt/bin/flanneld" for name in entry["parts"]},
        },
        "etcd": {
            "files": {"etcd/etcd": "usr/local/bin/etcd"},
            "links": {f"usr/local/bin/{name}": "etcd" for name in ("etcdctl", "etcdutl")},
        },
        "coredns": {"files": {"coredns/coredns": "coredns", **certificates}},
        "pause": {"files": {"pause/pause": "pause"}},
        "keepalived": {
            "beside": "net",
            "programs": ["/usr/sbin/keepalived"],
            "files": {
                "root/etc/keepalived/keepalived.config-opts": "etc/keepalived/keepalived.config-opts",
                **{path: path.lstrip("/") for path in ("/etc/passwd", "/etc/group")},
            },
            "links": {"usr/bin/genhash": "../sbin/keepalived"},
        },
    }

    def image(trees: list[str], tags: list[str], part: str = "", **config: Any) -> dict[str, Any]:
        component = {**entry["components"], **entry["packages"], **entry["parts"]}[part or trees[-1]]
        labels = {
            "org.opencontainers.image.version": component["version"],
            "bootstrap.component": f"{component['module']}@{component['version']}",
        }
        return {
            "trees": trees,
            "names": tags,
            "created": entry["components"]["hyperkube"]["stamp"]["k8s.io/component-base/version.buildDate"],
            "config": {"Env": [f"PATH={PATH}"], "WorkingDir": "/", "Labels": labels, **config},
        }

    return {
        "architecture": arch,
        "owner": os.getuid(),
        "trees": trees,
        "images": [
            image(["net", "hyperkube"], [names[name] for name in KUBERNETES]),
            image(["etcd"], [names["etcd"]]),
            image(["coredns"], [names["coredns"]], Entrypoint=["/coredns"]),
            image(["pause"], [names["pause"]], Entrypoint=["/pause"], User="65535:65535"),
            image(["net", "flannel"], [names["flannel"]], Entrypoint=["/opt/bin/flanneld"]),
            *(image(["net", "flannel"], [names[name]], name, Entrypoint=[name]) for name in entry["parts"]),
            image(["net", "keepalived"], [names["keepalived"]], Entrypoint=["/usr/sbin/keepalived"]),
        ],
    }
