"""L1: what a machine that joins believes of a cluster, and what it takes from it. Pure functions."""
