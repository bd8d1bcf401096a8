"""etcd of this machine: snapshots, restoring, space."""
