"""What the programs inside accept, recorded from themselves: flags, feature gates, kinds of the API."""
