"""The options of commands, from the table in model/flags.py, and how --help shows them."""
