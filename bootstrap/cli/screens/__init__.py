"""What a run looks like: lines, progress, errors, plans, the way on."""
