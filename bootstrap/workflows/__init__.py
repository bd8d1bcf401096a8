"""L4: one module a verb: the order in which the layers below are asked."""
