"""Files below a root that is not ours: resolved safely, replaced durably, removed within bounds."""
