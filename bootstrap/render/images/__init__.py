"""Which images a cluster needs, what upstream calls them, where mirrors find them."""
