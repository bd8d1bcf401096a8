"""Static Pods of the control plane: flags, volumes, probes, the audit policy."""
