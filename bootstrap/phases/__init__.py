"""L1: plans. Pure functions from a configuration and finished bytes to steps."""
