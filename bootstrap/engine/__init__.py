"""L3: runs, previews and times a plan through the host port."""
