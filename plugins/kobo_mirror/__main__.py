"""``python -m kobo_mirror`` and the console script ``kobo-mirror``."""

import sys

from kobo_mirror import startup


def main() -> int:
    """Run the command that the arguments name; returns its exit code."""
    startup.use_one_heap()
    with startup.importing():
        from kobo_mirror.cli import main as command  # noqa: PLC0415  # what it imports is what this is about
    return command()


if __name__ == "__main__":
    sys.exit(main())
