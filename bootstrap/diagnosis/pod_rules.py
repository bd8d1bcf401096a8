"""Sandboxes, images, and containers that cannot be made or started."""

from __future__ import annotations

from bootstrap.diagnosis import state
from bootstrap.diagnosis.rule import Rule, said

KUBELET = "kubelet"
_IMAGE = r"image \\*\"(?P<image>[^\\\"]+)\\*\""
_LOGIN = (
    r"(?:authorization failed|insufficient_scope|no basic auth credentials|pull access denied|unauthorized|"
    r"access to the resource is denied|failed to fetch (?:anonymous|oauth) token|: 40[13] (?:Unauthorized|Forbidden))"
)
_ABSENT = r"(?:: not found|https?://localhost/|no match for platform)"
_NONE = rf"(?:{_ABSENT}|{_LOGIN})"
_PULLING = r"Error syncing pod.*(?:ErrImagePull|ImagePullBackOff).*?"
_LOAD = "load it (docker save {image} | docker exec -i NAME bootstrap images load -), or correct imageRepository"

POD_RULES: tuple[Rule, ...] = (
    Rule(
        "pause-image-missing",
        said(
            rf"Error syncing pod.*CreatePodSandboxError.*failed to (?:pull|get sandbox) {_IMAGE}.*{_NONE}",
            KUBELET,
        ),
        "no Pod can start: the sandbox image {image} is not on this node, and cannot be pulled",
        "it is not among the images inside, and no registry has it under this name",
        _LOAD,
        definite=True,
    ),
    Rule(
        "image-never-pulled",
        said(rf"Error syncing pod.*ErrImageNeverPull.*{_IMAGE} is not present with pull policy of Never", KUBELET),
        "the image {image} is not on this node, and its pull policy is Never",
        "with that policy waiting does not bring it",
        _LOAD,
        definite=True,
    ),
    Rule(
        "image-wants-login",
        said(rf"{_PULLING}{_IMAGE}.*{_LOGIN}", KUBELET),
        "the image {image} is not on this node, and its registry wants a login",
        "it is private, and the kubelet has no login that may read it, or there is none of this name: registries say "
        "the same of both",
        "give a login: credentials in the rules for mirrors (docs/explanation/mirrors.md), or a pull secret in the Pod "
        f"(imagePullSecrets); or {_LOAD}",
        definite=True,
    ),
    Rule(
        "image-refused",
        said(rf"{_PULLING}{_IMAGE}.*{_ABSENT}", KUBELET),
        "the image {image} is not on this node, and its registry does not give it",
        "the registry has no such image, or not for this platform",
        _LOAD,
        definite=True,
    ),
    Rule(
        "image-pull-fails",
        said(rf"Error syncing pod.*(?:ErrImagePull|ImagePullBackOff|failed to pull).*?{_IMAGE}", KUBELET),
        "the image {image} is not on this node, and pulling it fails",
        "the registry cannot be reached (network, proxy, name server, certificate), or is slow",
        f"try it: crictl pull {{image}}; or {_LOAD}",
    ),
    Rule(
        "volume-missing",
        said(
            r"hostPath type check failed: (?P<file>\S+) is not",
            KUBELET,
        ),
        "a Pod mounts {file}, which is not there",
        "hostPath volumes of type File and Directory must exist",
        "make it, or correct extraVolumes in the configuration",
        definite=True,
    ),
    Rule(
        "container-not-created",
        said(
            r"syncing pod.*\\*\"(?P<name>[\w.-]+)\\*\" with CreateContainerError: "
            r"\\*\"(?P<reason>(?!failed to reserve|context deadline).*?)\\*\"",
            KUBELET,
        ),
        "the container {name} cannot be made",
        "{reason}",
        "crictl ps -a; journalctl -u kubelet -n 50, and correct what the line above names",
        definite=True,
    ),
    Rule(
        "container-configuration",
        # Not definite: what is missing is often made a moment later, and the kubelet says so of itself at its start.
        said(
            r"syncing pod.*\\*\"(?P<name>[\w.-]+)\\*\" with CreateContainerConfigError: "
            r"\\*\"(?P<reason>(?!services have not yet been read).*?)\\*\"",
            KUBELET,
        ),
        "the container {name} lacks something that its Pod names",
        "{reason}",
        "make the ConfigMap or Secret, or correct the Pod: kubectl describe pod -A",
    ),
    Rule(
        "wrong-architecture",
        said(r"exec format error"),
        "{source} cannot be executed: exec format error",
        "its image is for another CPU architecture than this machine's",
        "use images for this architecture (uname -m)",
        definite=True,
    ),
    Rule(
        "program-missing",
        said(r"exec: \\*\"(?P<program>[^\\\"]+)\\*\": .*(?:executable file not found|no such file)"),
        "an image does not hold the program {program}",
        "the image is damaged, or is not what its name says",
        "load a good one: bootstrap images load",
        definite=True,
    ),
    Rule(
        "out-of-memory",
        state.out_of_memory,
        "{source} was killed for lack of memory",
        "the machine, or the container this node runs in, has too little, or a limit is too low",
        "give it 2 GiB or more (free -m; docker inspect --format '{{{{.HostConfig.Memory}}}}' NAME)",
        definite=True,
    ),
)
