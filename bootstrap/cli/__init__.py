"""L5: terminal and exit codes. Imports of everything heavy are inside the commands: `--help` answers at once."""
