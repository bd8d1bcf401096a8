"""L1: text that configuration and rendering share: YAML by Kubernetes' rules, durations as Go writes them."""
