"""What belongs into a bundle, its signature, and how it is loaded."""
