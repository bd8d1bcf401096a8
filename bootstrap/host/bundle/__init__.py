"""The bundle's file: its tar, its compression, its proof."""
