"""The machine, the runtime and the kubelet."""

from __future__ import annotations

from bootstrap.diagnosis import state
from bootstrap.diagnosis.rule import Rule, said
from bootstrap.model import names
from bootstrap.model.runtime import HOST_RUNTIME, NODE_RUNTIME

KUBELET = "kubelet"
_FAILED = r'"command failed" err="'
_CNI = f"{NODE_RUNTIME.cni_conf} {NODE_RUNTIME.cni_bin}, or {HOST_RUNTIME.cni_conf} {HOST_RUNTIME.cni_bin}"
_REWRITE = (
    "bootstrap init, which writes its own files again; if they are as it writes them, correct {what} "
    "in the configuration: bootstrap init --reconfigure --config FILE"
)
"""What the files are made from is corrected, not the files."""

MACHINE_RULES: tuple[Rule, ...] = (
    Rule(
        "disk-full",
        state.disk_full,
        "no {left} is left below {source}",
        "etcd, the runtime and the kubelet stop when they cannot write",
        "find what takes it with du -xh -d 2 {source} | sort -h | tail, and make room",
    ),
    Rule(
        "inotify-instances",
        said(r"(?:inotify|fsnotify|watch).{0,150}too many open files"),
        "{source} can watch no more files: the machine's inotify instances are used up",
        "fs.inotify.max_user_instances is 128 by default, for all containers of the machine together; a node takes 25",
        "sysctl -w fs.inotify.max_user_instances=8192 on the machine; docker restart NAME (a host: restart {source})",
        definite=True,
    ),
    Rule(
        "inotify-watches",
        said(r"(?:inotify|fsnotify|watch).{0,150}no space left on device"),
        "{source} can watch no more files: the machine's inotify watches are used up",
        "fs.inotify.max_user_watches is too low for all containers of the machine together",
        "sysctl -w fs.inotify.max_user_watches=524288 on the machine; docker restart NAME (a host: restart {source})",
        definite=True,
    ),
    Rule(
        "no-space",
        said(r"no space left on device"),
        "{source} cannot write: no space left on device",
        "its filesystem is full, or has no inodes left, or a quota is used up",
        "make room (df -h; df -i)",
        definite=True,
    ),
    Rule(
        "runtime-without-cri",
        state.runtime_without_cri,
        "the container runtime is up, but does not serve CRI",
        "its CRI plugin is disabled, still starting, or could not start: inotify instances or a wrong setting, mostly",
        "journalctl -u {source} | grep -e cri -e 'failed to load plugin', then: systemctl restart {source}",
    ),
    Rule(
        "runtime-silent",
        state.runtime_silent,
        "the container runtime does not answer",
        "it is stopped, still starting, or refuses its configuration",
        "systemctl restart {source} (its reasons: journalctl -u {source} -n 30)",
    ),
    Rule(
        "unit-stopped",
        state.unit_stopped,
        "{source} does not run",
        "it was stopped, or never started",
        "systemctl start {source}",
    ),
    Rule(
        "kmsg-missing",
        said(r"open /dev/kmsg: (?P<reason>[^\"\\]+)", KUBELET),
        "the kubelet cannot read the kernel's log: /dev/kmsg: {reason}",
        "the container is not privileged: single capabilities do not bring the device",
        "start it anew: docker run -d --privileged …",
        definite=True,
    ),
    Rule(
        "kubelet-config-missing",
        said(r"failed to read kubelet config file .*?(?P<file>/[^\s\"\\]+).*no such file", KUBELET),
        "the kubelet's configuration {file} is missing",
        "it was removed, or no init has written it yet",
        "bootstrap init, which writes it again",
        definite=True,
    ),
    Rule(
        "cgroup-v1",
        said(r"configured to not run on a host using cgroup v1", KUBELET),
        "the kubelet refuses to run on cgroup v1",
        "Kubernetes 1.35 and later do unless failCgroupV1 is false",
        "leave failCgroupV1 out of KubeletConfiguration, or boot with systemd.unified_cgroup_hierarchy=1",
        definite=True,
    ),
    Rule(
        "kubelet-config-invalid",
        said(
            r"failed to (?:load|validate) kubelet config.*?(?:decode|error): (?P<reason>.*?)(?:, path: &.*)?\"$",
            KUBELET,
        ),
        "the kubelet refuses its configuration: {reason}",
        f"{names.KUBELET_CONFIG} was edited, or the KubeletConfiguration given to init has a wrong value",
        _REWRITE.format(what="KubeletConfiguration"),
        definite=True,
    ),
    Rule(
        "swap-on",
        said(r"running with swap on is not supported", KUBELET),
        "the kubelet refuses to run with swap on",
        "failSwapOn is true, its default",
        "swapoff -a; or leave failSwapOn out of KubeletConfiguration, and bootstrap init, which then tolerates swap",
        definite=True,
    ),
    Rule(
        "cgroup-driver",
        said(r"expected cgroupsPath to be of format|cgroup driver.*(?:different|misconfiguration)"),
        "the kubelet and the runtime use different cgroup drivers",
        "one of them uses systemd, the other cgroupfs",
        "set SystemdCgroup = true in the runtime's configuration, or cgroupDriver in KubeletConfiguration",
        definite=True,
    ),
    Rule(
        "kubelet-credentials",
        said(
            r"unable to load bootstrap kubeconfig|failed to run Kubelet:.*invalid kubeconfig|error loading config file",
            KUBELET,
        ),
        "the kubelet has no usable credentials",
        f"{names.KUBELET_CONF} is missing or damaged",
        "bootstrap init, which writes it again",
        definite=True,
    ),
    Rule(
        "manifest-invalid",
        said(r'Could not process manifest file" err="(?P<reason>.*?)" path="(?P<path>[^"]+)', KUBELET),
        "the kubelet cannot read {path}",
        "{reason}",
        f"move it away if it is none of a control plane; {_REWRITE.format(what='extraArgs and patches')}",
        definite=True,
    ),
    Rule(
        "eviction",
        said(r'Eviction manager: attempting to reclaim.*resourceName="(?P<resource>[^"]+)"', KUBELET),
        "the kubelet evicts Pods: it is short of {resource}",
        "free space or memory is below its eviction threshold",
        "make room (df -h; free -m), or lower evictionHard in KubeletConfiguration",
    ),
    Rule(
        "no-cni",
        said(
            r"CreatePodSandboxError.*(?:cni plugin not initialized|find plugin|setup network for sandbox)",
            KUBELET,
        ),
        "the network of a Pod cannot be made",
        f"the CNI plugin or its configuration ({_CNI}) is missing or fails",
        f"look at the line above, and at the files in {_CNI}",
    ),
)
"""Before everything else: what runs on a broken machine fails in many ways."""

KUBELET_EXITS = Rule(
    "kubelet-exits",
    said(_FAILED + r"(?P<reason>(?!.*validate CRI v1|.*validate service connection).*)\"", KUBELET),
    "the kubelet ends at once: {reason}",
    "its configuration or its flags do not fit this machine",
    _REWRITE.format(what="KubeletConfiguration and nodeRegistration.kubeletExtraArgs"),
    definite=True,
)
"""After the rules that know the reason; that a runtime does not answer yet is no fault of the kubelet, and may pass."""

UNIT_LOOP = Rule(
    "unit-loop",
    state.unit_loop,
    "{source} was restarted {times} times and does not stay up",
    "no rule knows its last lines",
    "journalctl -u {source} -n 50",
)
