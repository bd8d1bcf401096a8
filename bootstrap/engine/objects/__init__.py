"""API objects: where one lives, whose its fields are, what an answer means."""
