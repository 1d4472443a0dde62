"""The peers of the bulk benchmark: each a script of its own that reads the same environment."""
