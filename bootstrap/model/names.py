"""Paths, ports and names that more than one module needs, or that others made: the one place where each is written.

Numbers and paths are kubeadm's (cmd/kubeadm/app/constants) unless a comment says otherwise.
"""

from bootstrap.model import release

KUBERNETES_MINOR = release.KUBERNETES_MINOR
KUBERNETES_VERSION = release.KUBERNETES_VERSION
BUILT_VERSION = release.BUILT_VERSION
IMAGE = f"bootstrap:{KUBERNETES_VERSION}"
"""What this image is called where nobody renamed it."""
BUILT_REPOSITORY = "localhost/bootstrap"
UPSTREAM_REPOSITORY = "registry.k8s.io"

KUBERNETES_DIR = "/etc/kubernetes"
PKI_DIR = "/etc/kubernetes/pki"
MANIFESTS_DIR = "/etc/kubernetes/manifests"
KUBEADM_TMP_DIR = "/etc/kubernetes/tmp"
ADMIN_CONF = "/etc/kubernetes/admin.conf"
SUPER_ADMIN_CONF = "/etc/kubernetes/super-admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
CONTROLLER_MANAGER_CONF = "/etc/kubernetes/controller-manager.conf"
SCHEDULER_CONF = "/etc/kubernetes/scheduler.conf"
KEEPALIVED = "keepalived"
KEEPALIVED_DIR = "/etc/kubernetes/keepalived"
KEEPALIVED_CONFIG = "bootstrap/keepalived-config"
"""Ours: the annotation by which its Pod is another one when its configuration is."""
AUDIT_POLICY = "/etc/kubernetes/audit-policy.yaml"
AUDIT_LOG_DIR = "/var/log/kubernetes/audit"
ENCRYPTION_DIR = "/etc/kubernetes/encryption"
"""Ours: mounted whole, since a file that is mounted alone stays what it was when another one takes its name."""
ENCRYPTION_CONFIG = f"{ENCRYPTION_DIR}/config.yaml"
APISERVER_ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"
"""Annotation of its Pod: where this one answers."""
STATE_DIR = "/etc/kubernetes/bootstrap"
"""What a second run compares itself with: the effective configuration, 0600."""

STATE_CONFIG = f"{STATE_DIR}/config.yaml"
TOKEN_CREATED = f"{STATE_DIR}/token-created"
"""Exists once the first init has made its tokens: later runs make none."""

UPGRADE_ASKED = "/etc/bootstrap/upgrade"
"""Exists in a node container that is to upgrade what another one has made, before it goes on."""
CORDONED = f"{STATE_DIR}/cordoned"
"""Exists while a run keeps new Pods from this node."""
APPLIED = f"{STATE_DIR}/applied.json"
"""Digests of the objects that were applied here last."""

RENEWING = f"{STATE_DIR}/renewing"
"""Names of the certificates that a run set out to renew; goes when all who read them have the new ones."""

ETCD_DATA_DIR = "/var/lib/etcd"
SNAPSHOTS_DIR = "/var/backups/etcd"
"""The user's: reset leaves it."""
BOOTSTRAP_KUBELET_CONF = "/etc/kubernetes/bootstrap-kubelet.conf"
KUBELET_BIN = "/usr/bin/kubelet"
VOLUME_PLUGINS_DIR = "/usr/libexec/kubernetes/kubelet-plugins/volume/exec"
"""The kubelet makes it when it starts (its default volumePluginDir)."""
KUBELET_DIR = "/var/lib/kubelet"
NODE_VOLUMES = ("/var/lib/containerd", KUBELET_DIR, ETCD_DATA_DIR)
"""The image's volumes."""
KUBELET_CONFIG = "/var/lib/kubelet/config.yaml"
KUBELET_INSTANCE_CONFIG = "/var/lib/kubelet/instance-config.yaml"
KUBELET_FLAGS_ENV = "/var/lib/kubelet/kubeadm-flags.env"
KUBELET_CLIENT_CURRENT = "/var/lib/kubelet/pki/kubelet-client-current.pem"
KUBELET_SERVING_CURRENT = "/var/lib/kubelet/pki/kubelet-server-current.pem"
"""What the kubelet serves with once the cluster has signed it."""
POD_RESOLV_CONF = "/var/lib/kubelet/resolv.conf"
"""Ours: what Pods get where the node's own names only loopback servers."""
PODS_SLICE = "kubepods.slice"
"""The kubelet's cgroup for all Pods, as systemd knows it."""
KUBELET_SERVICE = "kubelet.service"
KUBELET_UNIT = "/etc/systemd/system/kubelet.service"
KUBELET_DROP_IN = "/etc/systemd/system/kubelet.service.d/10-kubeadm.conf"
RENEWAL = "bootstrap-certificate-renewal"
"""The timer that renews certificates, and the unit that it starts."""
SNAPSHOTS = "bootstrap-etcd-snapshots"
"""The timer that takes snapshots of etcd, and the unit that it starts."""
APPROVER = "bootstrap-kubelet-certificates"
"""The unit that approves what kubelets ask for to serve with."""
APPROVER_WORDS = ("certs", "approve", "--follow")
"""What it runs the program with."""
HOST_DIR = "/opt/bootstrap"
"""Everything on a host that runs of ours: /usr may be read-only, and is not ours."""
HOST_BIN_DIR = f"{HOST_DIR}/bin"
HOST_PROGRAM = f"{HOST_DIR}/program"
"""The program with what it needs to run where its container is gone."""
STAMP = "stamp"
"""In it: which program it is; comes last, so that an interrupted copy is done again."""
HOST_CNI_BIN = f"{HOST_DIR}/cni/bin"
CNI_BIN = "/opt/cni/bin"
"""Where CNI plugins are: in our own image, and by convention on any machine."""
CNI_CONF_DIR = "/etc/cni/net.d"
FLANNEL_CONFLIST = "10-flannel.conflist"
FLANNEL_SUBNET = "/run/flannel/subnet.env"
STORAGE_CLASS = "standard"
VOLUMES = "/var/local-path-provisioner"
METALLB_NAMESPACE = "metallb-system"
FLANNEL_ADDRESSES = "/var/lib/cni/networks/cbr0"
"""Where host-local keeps the addresses of the network that flannel's CNI configuration names."""
POD_LINKS = ("cni0", "flannel.1", "flannel-v6.1", "kube-ipvs0")
"""Interfaces of our Pod network, and of kube-proxy's IPVS mode."""
WORK_DIR = "/var/lib/bootstrap"
JOURNAL = "/var/lib/bootstrap/journal"
"""What every path, unit and setting was before our first change of it."""
BACKUPS_DIR = f"{WORK_DIR}/backups"
"""What upgrades have replaced, a directory each."""
BACKUPS_KEPT = 3
NETNS_DIR = "/run/netns"
CNI_STATE = "/var/lib/cni"
POD_NETWORK = "cbr0"
"""Of our flannel, as its CNI configuration calls it."""
SHARED_TREES = (NETNS_DIR, CNI_STATE)
"""Directories that everybody fills who uses CNI on a machine: Kubernetes, and tools beside it."""
TREES = (
    "/etc/kubernetes",
    "/etc/bootstrap",
    HOST_DIR,
    "/var/lib/bootstrap",
    "/run/bootstrap",
    "/run/flannel",
    *SHARED_TREES,
    "/var/log/pods",
    "/var/log/containers",
    "/var/log/kubernetes",
)
"""Directories that Kubernetes, its runtime and we fill, besides etcd's and the kubelet's."""
LOCK = "/run/bootstrap.lock"
IMAGES_LOCK = "/run/bootstrap-images.lock"
"""Of whoever changes the runtime's images: a load or a pull, and `init`, `join` and `reset` from begin to end."""

ANY_ADDRESS = ("", "0.0.0.0", "::")
"""Addresses to listen at that are none to go to."""
HIGHEST_PORT = 65535
API_PORT = 6443
ETCD_CLIENT_PORT = 2379
ETCD_PEER_PORT = 2380
ETCD_METRICS_PORT = 2381
KUBELET_PORT = 10250
KUBELET_HEALTHZ_PORT = 10248
CONTROLLER_MANAGER_PORT = 10257
SCHEDULER_PORT = 10259

ADVERTISE_PLACEHOLDER = "1.2.3.4"
"""What `config print init-defaults` writes, as kubeadm's does, for the user to replace."""
SERVICE_SUBNET = "10.96.0.0/12"
POD_SUBNET = "10.244.0.0/16"
"""Not kubeadm's (it has none): flannel's own default, since flannel is our default CNI."""
DNS_DOMAIN = "cluster.local"

BOOTSTRAP_GROUP = "system:bootstrappers:kubeadm:default-node-token"
NODE_USER = "system:node:"
"""And the node's name: who its kubelet is."""
NODES_GROUP = "system:nodes"
SERVING_SIGNER = "kubernetes.io/kubelet-serving"
"""Who signs what kubelets serve with: the controller manager."""
ADMIN_GROUP = "kubeadm:cluster-admins"
CONTROL_PLANE_ROLE = "node-role.kubernetes.io/control-plane"
EXCLUDE_LOAD_BALANCERS = "node.kubernetes.io/exclude-from-external-load-balancers"
FIELD_MANAGER = "bootstrap"
OWN_VERSION, OWN_KIND = "bootstrap/v1alpha1", "BootstrapConfiguration"
OWN_CONFIG_MAP = "bootstrap-config"
"""What kubeadm-config has no field for, for machines that join."""
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
