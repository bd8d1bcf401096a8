"""Manifests as authors of add-ons write them, made up for these tests."""

OPERATOR = b"""
# an operator with a webhook, its own kind, and an object of that kind before the kind itself
apiVersion: example.org/v1
kind: Store
metadata: {name: main, namespace: stores}
spec:
  engine: {image: "quay.io/stores/engine:v3"}
  clientImage: quay.io/stores/client:v3
  note: see the image
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: stores}
webhooks: []
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: operator, namespace: stores}
spec:
  replicas: 1
  selector: {matchLabels: {app: operator}}
  template:
    metadata: {labels: {app: operator}}
    spec:
      initContainers:
        - {name: prepare, image: "quay.io/stores/prepare:v1"}
      containers:
        - name: operator
          image: quay.io/stores/operator@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
          args:
            - --reloader-image=quay.io/stores/reloader:v2
            - --sidecar-image
            - quay.io/stores/sidecar:v2
            - --image-pull-policy=Always
            - --config=no/image:v1
          env:
            - {name: RELATED_IMAGE_PROXY, value: "docker.io/stores/proxy:v4"}
            - {name: IMAGE_PULL_POLICY, value: Always}
            - {name: IMAGE_FROM, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
      volumes:
        - {name: data, image: {reference: "quay.io/stores/data:v1"}}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Service, metadata: {name: operator, namespace: stores}, spec: {ports: [{port: 443}]}}
  - {apiVersion: v1, kind: ServiceAccount, metadata: {name: operator, namespace: stores}}
  - {apiVersion: v1, kind: Namespace, metadata: {name: stores}}
---
# nothing but a comment
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: stores.example.org}
spec:
  group: example.org
  names: {kind: Store, plural: stores}
  versions:
    - name: v1
      schema: {openAPIV3Schema: {properties: {image: {type: string, default: "quay.io/stores/default:v1"}}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: stores}
data:
  STORE_PLUGIN_IMAGE: quay.io/stores/plugin:v1
  pod.yaml: |
    containers:
      - name: helper
        image: busybox:1.37
  enabled: on
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: cleaner, namespace: stores}
spec:
  schedule: "10 3 * * *"
  jobTemplate:
    spec:
      template:
        spec: {containers: [{name: cleaner, image: "busybox"}]}
"""

NETWORK = b"""
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: net-node, namespace: kube-system}
spec:
  selector: {matchLabels: {app: net}}
  template:
    metadata: {labels: {app: net}}
    spec:
      initContainers:
        - name: install
          image: quay.io/net/cni:v1
          env:
            - {name: CNI_NET_DIR, value: /etc/cni/net.d}
            - {name: CNI_BIN_DIR, value: /host/opt/cni/bin}
          volumeMounts:
            - {name: bin, mountPath: /host/opt/cni/bin}
            - {name: conf, mountPath: /host/etc/cni/net.d}
      containers:
        - name: agent
          image: quay.io/net/node:v1
          env:
            - {name: CNI_CONF, value: /etc/cni/net.d/10-net.conflist}
            - {name: OWN_CNI_DIR, value: /etc/cni/net.d}
            - {name: POOL, value: 192.168.0.0/16}
          volumeMounts:
            - {name: conf, mountPath: /etc/cni/net.d}
      volumes:
        - {name: bin, hostPath: {path: /opt/cni/bin}}
        - {name: conf, hostPath: {path: /etc/cni/net.d, type: DirectoryOrCreate}}
        - {name: proc, hostPath: {path: /proc}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: net, namespace: kube-system}
data:
  net-conf.json: '{"Network": "10.244.0.0/16"}'
"""
