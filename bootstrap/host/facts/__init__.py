"""What can be read of the machine: nothing here changes it."""
