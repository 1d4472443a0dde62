"""What the mirror is measured against: each a script of its own that reads the same environment."""
