"""What is done with images: chosen, pulled, loaded, bundled."""
