"""Add-ons by what the user named: read, applied, taken back."""
