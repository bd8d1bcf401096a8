"""The documents of our own: BootstrapConfiguration, its mirrors, ImageLock."""
