"""Container runtimes of the machine: containerd through ctr, any other through CRI."""
