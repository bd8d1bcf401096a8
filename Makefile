# What can be done here, in the order a newcomer needs it.
SHELL := bash
PY := .venv/bin/python
IMAGE := $(or $(BOOTSTRAP_IMAGE),bootstrap:$(or $(KUBERNETES),v1.37.0))
OTHER_MINOR := v1.36.3
NAME ?= k8s
PORT ?= 6443

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/ready: requirements.lock requirements-dev.txt
	@python3 -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	python3 -m venv .venv
	.venv/bin/pip install --quiet --require-hashes --only-binary=:all: -r requirements-dev.txt
	touch $@

.PHONY: engine
engine: ## a Docker engine: the one that answers, else one is installed and started
	@scripts/engine.sh

.PHONY: image
image: engine .venv/ready ## build what is missing of bootstrap:v1.37.0; KUBERNETES=v1.36.3 builds that one
	@$(PY) scripts/build_components.py
	@$(PY) scripts/build_image.py

.PHONY: images-all
images-all: engine .venv/ready ## the images inside for amd64 and arm64, as an OCI layout in build/images
	@$(PY) scripts/build_images.py

.PHONY: sizes
sizes: image ## what takes the space in the image
	@$(PY) scripts/build_image.py --sizes

.PHONY: up
up: image ## a running cluster in a container named k8s
	@scripts/up.sh $(IMAGE) $(NAME) $(PORT)

.PHONY: down
down: ## remove that cluster, data included
	docker rm -fv $(NAME)

.PHONY: check
check: .venv/ready ## format, lint, strict types, unit and golden tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	$(PY) -m pytest tests/unit tests/golden

.PHONY: test
test: check image ## every suite: check, contract, registries, parity with kubeadm, end to end
	$(PY) scripts/build_components.py kubeadm metrics-server kube-router kube-bench
	STAMP=2 $(PY) scripts/build_image.py
	scripts/debian.sh docker-registry zsh fish chromium
	$(PY) -m pytest tests/api tests/contract tests/faults tests/registry tests/parity tests/bundle tests/e2e tests/host
	if $(PY) scripts/build_images.py --cached; then $(MAKE) test-images; fi
	if KUBERNETES=$(OTHER_MINOR) $(PY) scripts/build_image.py --cached; then $(MAKE) test-minor; fi

.PHONY: test-images
test-images: image ## the images inside for both architectures, compiled first if they are not
	scripts/debian.sh docker-registry
	$(PY) -m pytest tests/images

.PHONY: test-minor
test-minor: engine .venv/ready ## a cluster of the other minor, compiled first if it is not
	BOOTSTRAP_IMAGE=bootstrap:$(OTHER_MINOR) $(MAKE) image KUBERNETES=$(OTHER_MINOR)
	KUBERNETES=$(OTHER_MINOR) BOOTSTRAP_IMAGE=bootstrap:$(OTHER_MINOR) $(PY) -m pytest tests/minor tests/e2e/test_cluster.py

.PHONY: test-all
test-all: images-all ## the same, after compiling for the other architecture and the other minor (an hour)
	KUBERNETES=$(OTHER_MINOR) $(PY) scripts/build_components.py
	$(MAKE) test

.PHONY: faults
faults: image ## every fault at every point, its counts into docs/reference/faults.md; twenty clusters; engines that restart
	rm -f docs/reference/faults.md
	$(PY) -m pytest tests/faults --sweep --figures
	$(PY) -m pytest tests/e2e/test_clusters_sweep.py tests/host/test_clusters_sweep.py --sweep

.PHONY: test-vm
test-vm: image ## the image on an emulated machine: cgroup v2, a kernel of its own, power cuts
	$(PY) scripts/build_guest.py
	$(PY) -m pytest tests/vm

.PHONY: golden
golden: .venv/ready ## rewrite the expected rendered trees
	$(PY) -m tests.golden.rewrite

.PHONY: bench
bench: image ## kubeadm and bootstrap side by side, as ratios
	$(PY) scripts/build_components.py kubeadm
	$(PY) scripts/bench.py $(ARGS)
	$(PY) scripts/bench_join.py
	$(PY) scripts/bench_bundles.py
	$(PY) scripts/bench_failover.py
	$(PY) scripts/bench_clusters.py
	$(PY) scripts/bench_secrets.py
	if KUBERNETES=$(OTHER_MINOR) $(PY) scripts/build_image.py --cached; then \
	  BOOTSTRAP_IMAGE=bootstrap:$(OTHER_MINOR) KUBERNETES=$(OTHER_MINOR) $(PY) scripts/build_image.py && $(PY) scripts/bench_upgrade.py; fi

.PHONY: docs
docs: .venv/ready ## rewrite the generated reference
	$(PY) scripts/gen_docs.py

.PHONY: clean
clean: ## remove build output of this tree (not the shared component cache)
	rm -rf build .venv .mypy_cache .ruff_cache
