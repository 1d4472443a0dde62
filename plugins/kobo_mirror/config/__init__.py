"""SETTINGS: what the environment says, read once and checked. What it is used for does not belong here."""
