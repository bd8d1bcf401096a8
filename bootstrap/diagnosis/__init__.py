"""L1: names the cause of a failure from evidence, with a rule book."""
