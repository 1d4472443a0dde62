"""TARGET: the only code that writes SQL."""
