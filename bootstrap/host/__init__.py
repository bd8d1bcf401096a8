"""L2: the only place with I/O: files below the host root, commands, units, HTTP."""
