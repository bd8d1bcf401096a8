#!/usr/bin/env python3
"""Writes the field tables of the upstream configuration kinds, read from the Go types of each minor of the catalog.

    scripts/gen_config_types.py           write bootstrap/config/schema/field_table.py and docs/reference/config.md
    scripts/gen_config_types.py --check   exit 1 if either differs from what would be written

Needs Go (for `go mod download`). Only names, types and allowed values are taken: facts, no documentation text.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bootstrap.config.own.bootstrap_configuration import BootstrapConfiguration  # noqa: E402 - the path above
from bootstrap.model import names  # noqa: E402

FIELDS = ROOT / "bootstrap/config/schema/field_table.py"
REFERENCE = ROOT / "docs/reference/config.md"

SOURCES = {
    "kubeadm": ("k8s.io/kubernetes", "cmd/kubeadm/app/apis/kubeadm/v1beta4/types.go"),
    "token": ("k8s.io/kubernetes", "cmd/kubeadm/app/apis/bootstraptoken/v1/types.go"),
    "kubelet": ("k8s.io/kubelet", "config/v1beta1/types.go"),
    "proxy": ("k8s.io/kube-proxy", "config/v1alpha1/types.go"),
    "component": ("k8s.io/component-base", "config/v1alpha1/types.go"),
    "logs": ("k8s.io/component-base", "logs/api/v1/types.go"),
    "tracing": ("k8s.io/component-base", "tracing/api/v1/types.go"),
    "core": ("k8s.io/api", "core/v1/types.go"),
}
"""Short name of a Go package → the module and the file that hold its types."""

KINDS = {
    "InitConfiguration": ("kubeadm.k8s.io/v1beta4", "kubeadm"),
    "ClusterConfiguration": ("kubeadm.k8s.io/v1beta4", "kubeadm"),
    "JoinConfiguration": ("kubeadm.k8s.io/v1beta4", "kubeadm"),
    "ResetConfiguration": ("kubeadm.k8s.io/v1beta4", "kubeadm"),
    "UpgradeConfiguration": ("kubeadm.k8s.io/v1beta4", "kubeadm"),
    "KubeletConfiguration": ("kubelet.config.k8s.io/v1beta1", "kubelet"),
    "KubeProxyConfiguration": ("kubeproxy.config.k8s.io/v1alpha1", "proxy"),
}

PACKAGES = {
    "k8s.io/api/core/v1": "core",
    "k8s.io/component-base/config/v1alpha1": "component",
    "k8s.io/component-base/logs/api/v1": "logs",
    "k8s.io/component-base/tracing/api/v1": "tracing",
    "k8s.io/kubernetes/cmd/kubeadm/app/apis/bootstraptoken/v1": "token",
    "k8s.io/apimachinery/pkg/apis/meta/v1": "meta",
    "k8s.io/apimachinery/pkg/api/resource": "resource",
}

SPECIAL = {
    "meta.Duration": "duration",
    "meta.Time": "time",
    "resource.Quantity": "quantity",
    "resource.QuantityValue": "quantity",
    "core.ResourceList": "map[]quantity",
    "logs.TimeOrMetaDuration": "duration|number",
    "token.BootstrapTokenString": "string",
    "float32": "float",
    "float64": "float",
}
"""Go types that read and write themselves, and what they look like in YAML."""

SCALARS = {"string", "bool", "int", "int32", "int64", "uint32"}


@dataclass
class Package:
    """What one Go file declares; type names are qualified with the package's short name."""

    structs: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    enums: dict[str, list[str]] = field(default_factory=dict)
    imports: dict[str, str] = field(default_factory=dict)


def read_package(text: str) -> Package:
    """Structs (their bodies), named types, typed string constants and imports of a Go file."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    package = Package()
    for alias, path in re.findall(r'^\s+(?:(\w+)\s+)?"([\w./-]+)"$', text, flags=re.MULTILINE):
        if path in PACKAGES:
            package.imports[alias or path.rsplit("/", 1)[-1]] = PACKAGES[path]
    package.structs = dict(re.findall(r"^type (\w+) struct \{\n(.*?)^\}", text, flags=re.MULTILINE | re.DOTALL))
    package.aliases = dict(re.findall(r"^type (\w+) ((?!struct|interface)[\w.\[\]]+)$", text, flags=re.MULTILINE))
    for name, value in re.findall(r'^\s+\w+\s+(\w+)\s+=\s+"([^"]*)"$', text, flags=re.MULTILINE):
        if package.aliases.get(name) == "string":
            package.enums.setdefault(name, []).append(value)
    return package


class Tables:
    """Collects every type that the kinds reach."""

    def __init__(self, packages: dict[str, Package]) -> None:
        self.packages = packages
        self.types: dict[str, dict[str, str]] = {}
        self.enums: dict[str, tuple[str, ...]] = {}

    def expression(self, short: str, go: str) -> str:
        """The type expression of Go type `go`, as written in package `short`."""
        go = go.lstrip("*")
        if go.startswith("[]"):
            return "[]" + self.expression(short, go[2:])
        if go.startswith("map[string]"):
            return "map[]" + self.expression(short, go[len("map[string]") :])
        if go in SCALARS:
            return go
        owner, _, name = go.rpartition(".")
        qualified = f"{self.packages[short].imports[owner] if owner else short}.{name}" if go not in SPECIAL else go
        return SPECIAL.get(qualified) or self.named(qualified)

    def named(self, qualified: str) -> str:
        """A struct is collected and named; a string type with constants is an enum; other names are what they name."""
        short, name = qualified.split(".")
        package = self.packages[short]
        if name in package.structs:
            if qualified not in self.types:
                self.types[qualified] = {}
                self.types[qualified].update(sorted(self.fields(short, package.structs[name]).items()))
            return qualified
        if name in package.enums:
            self.enums[qualified] = tuple(sorted(filter(None, package.enums[name])))
            return qualified
        return self.expression(short, package.aliases[name])

    def fields(self, short: str, body: str) -> dict[str, str]:
        """JSON field → type expression of a struct's body; embedded structs are inlined."""
        found: dict[str, str] = {}
        for name, go, tag in re.findall(r'^\s+(?:(\w+)\s+)?([\w.*\[\]]+)\s+`json:"([^"]*)"', body, flags=re.MULTILINE):
            json_name = tag.split(",")[0]
            if go == "metav1.TypeMeta" or json_name == "-":
                continue
            if json_name:
                found[json_name] = self.expression(short, go)
            else:
                assert not name, f"{name} has no JSON name"
                owner, _, embedded = go.rpartition(".")
                inner = self.packages[short].imports[owner] if owner else short
                found |= self.fields(inner, self.packages[inner].structs[embedded])
        return found


def module_directory(module: str, version: str) -> Path:
    """Where Go keeps the sources of `module` at a version of Kubernetes (downloaded when absent)."""
    own = version if module == "k8s.io/kubernetes" else version.replace("v1.", "v0.", 1)
    run = subprocess.run(["go", "mod", "download", "-json", f"{module}@{own}"], capture_output=True, check=True)
    return Path(json.loads(run.stdout)["Dir"])


def read_tables(version: str) -> Tables:
    directories = {module: module_directory(module, version) for module, _ in SOURCES.values()}
    tables = Tables({short: read_package((directories[m] / file).read_text()) for short, (m, file) in SOURCES.items()})
    for kind, (_, short) in KINDS.items():
        tables.named(f"{short}.{kind}")
    return tables


def other_types(tables: Tables, other: Tables) -> dict[str, dict[str, str]]:
    """What another minor has otherwise: type → field → its expression there, empty for a field that is not there."""
    found = {}
    for name in sorted(tables.types.keys() | other.types.keys()):
        here, there = tables.types.get(name, {}), other.types.get(name, {})
        fields = sorted(here.keys() | there.keys())
        found[name] = {f: there.get(f, "") for f in fields if here.get(f) != there.get(f)}
    return {name: fields for name, fields in found.items() if fields}


def other_enums(tables: Tables, other: Tables) -> dict[str, tuple[str, ...]]:
    """The enums of another minor that have other values there."""
    return {name: values for name, values in sorted(other.enums.items()) if tables.enums.get(name) != values}


def python_module(tables: Tables, version: str, others: dict[str, Tables]) -> str:
    """The generated Python module; `others` are those of the catalog's other minors."""
    lines = [
        f'"""Field tables of the upstream configuration kinds, Kubernetes {version}, and what differs by minor.',
        "",
        "Generated by scripts/gen_config_types.py from the Go types; do not edit. A type expression is a scalar, the",
        "name of a type or of an enum below, `[]X` (list) or `map[]X` (map with string keys).",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "KINDS: dict[str, tuple[str, str]] = {",
        *(f'    "{kind}": ("{version}", "{short}.{kind}"),' for kind, (version, short) in KINDS.items()),
        "}",
        '"""Kind → its apiVersion and its type."""',
        "",
        "ENUMS: dict[str, tuple[str, ...]] = {",
    ]
    for name, values in sorted(tables.enums.items()):
        lines += [f'    "{name}": (', *(f'        "{v}",' for v in values), "    ),"]
    lines += ["}", "", "TYPES: dict[str, dict[str, str]] = {"]
    for name, fields in sorted(tables.types.items()):
        lines += [f'    "{name}": {{', *(f'        "{k}": "{v}",' for k, v in fields.items()), "    },"]
    lines += ["}", "", "OTHER_TYPES: dict[str, dict[str, dict[str, str]]] = {"]
    lines += [f"    {json.dumps(minor)}: {json.dumps(other_types(tables, other))}," for minor, other in others.items()]
    lines += ["}", '"""Minor → type → field → its expression there; empty: there is no such field."""', ""]
    lines += ["OTHER_ENUMS: dict[str, dict[str, tuple[str, ...]]] = {"]
    lines += [f"    {json.dumps(minor)}: {other_enums(tables, other)!r}," for minor, other in others.items()]
    return "\n".join([*lines, "}", '"""Minor → enum → its values there."""', ""])


OWN_TABLES = {
    "VipDocument": "controlPlaneVIP",
    "EncryptionDocument": "encryption",
    "MirrorsDocument": "mirrors",
    "RegistryDocument": "mirrors.registries[]",
    "EndpointDocument": "mirrors.registries[].endpoints[]",
    "RewriteDocument": "mirrors.registries[].endpoints[].rewrite[]",
    "CredentialsDocument": "mirrors.registries[].endpoints[].credentials",
}
"""Class of the field → its heading."""


def shown_type(tables: Tables, expression: str) -> str:
    if expression.startswith("[]"):
        return "list of " + shown_type(tables, expression[2:])
    if expression.startswith("map[]"):
        return "map of " + shown_type(tables, expression[5:])
    if expression in tables.enums:
        return ", ".join(f"`{v}`" for v in tables.enums[expression])
    if expression in tables.types:
        return f"[{expression}](#{expression.replace('.', '').lower()})"
    return expression


def own_tables() -> list[str]:
    schema = BootstrapConfiguration.model_json_schema()
    lines = own_table(schema["properties"])
    for kind, title in OWN_TABLES.items():
        lines += ["", f"### {title}", "", *own_table(schema["$defs"][kind]["properties"])]
    return lines


def own_table(properties: dict[str, Any]) -> list[str]:
    lines = ["| Field | Default | Meaning |", "|---|---|---|"]
    for name, entry in properties.items():
        default = f"`{json.dumps(entry['default'])}`" if "default" in entry else ""
        lines.append(f"| `{name}` | {default} | {entry['description']} |")
    return lines


def reference_page(tables: Tables) -> str:
    """The generated reference page."""
    lines = [
        "# Configuration fields",
        "",
        "Generated by `scripts/gen_config_types.py`; do not edit.",
        "",
        "A file given with `--config` may hold one document of each kind below, split by `---`. Flags win over it.",
        f"Upstream's kinds are those of Kubernetes {names.KUBERNETES_VERSION}; upstream says what their fields mean.",
        "A `duration` is written as Go writes it (`4m0s`, `8760h`); a `quantity` as Kubernetes writes it (`100Mi`).",
        "",
        "## BootstrapConfiguration",
        "",
        "`apiVersion: bootstrap/v1alpha1`: what the upstream kinds have no field for.",
        "",
        *own_tables(),
    ]
    kinds = [f"{short}.{kind}" for kind, (_, short) in KINDS.items()]
    for name in kinds + sorted(set(tables.types) - set(kinds)):
        kind = name.split(".")[1]
        lines += ["", f"## {name}", ""]
        if name in kinds:
            lines += [f"`kind: {kind}`, `apiVersion: {KINDS[kind][0]}`", ""]
        lines += ["| Field | Type |", "|---|---|"]
        lines += [f"| `{k}` | {shown_type(tables, v)} |" for k, v in tables.types[name].items()]
    return "\n".join([*lines, ""])


def main() -> int:
    catalog = yaml.safe_load((ROOT / "images/catalog.yaml").read_text())
    versions = {minor: entry["kubernetesVersion"] for minor, entry in catalog["minors"].items()}
    by_minor = {minor: read_tables(version) for minor, version in versions.items()}
    newest = max(by_minor, key=lambda minor: int(minor.partition(".")[2]))
    others = {minor: tables for minor, tables in sorted(by_minor.items()) if minor != newest}
    outputs = {
        FIELDS: python_module(by_minor[newest], versions[newest], others),
        REFERENCE: reference_page(by_minor[names.KUBERNETES_MINOR]),
    }
    if "--check" in sys.argv[1:]:
        stale = [p for p, text in outputs.items() if not p.exists() or p.read_text() != text]
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what scripts/gen_config_types.py writes", file=sys.stderr)
        return 1 if stale else 0
    for path, text in outputs.items():
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
