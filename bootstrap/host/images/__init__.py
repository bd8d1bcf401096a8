"""Images as files: layouts, layers, the seed inside our own image."""
