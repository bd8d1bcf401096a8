"""Finding a cluster and what a control plane takes from it; the line that others join with."""
