"""``python -m kobo_mirror`` and the console script ``kobo-mirror``."""

import sys

from kobo_mirror import startup
from kobo_mirror.errors import ConfigurationError


def main() -> int:
    """Run the command that the process was given.

    :returns: its exit code.
    """
    startup.use_one_heap()
    startup.return_large_blocks()
    startup.collect_rarely()
    startup.switch_threads_rarely()
    try:
        with startup.importing():
            from kobo_mirror.cli.commands import main as command  # noqa: PLC0415  # importing() is for this
    except ConfigurationError as error:  # a form is declared wrongly
        print(f"error: {error}", file=sys.stderr)
        return 2
    return command(may_fork=True)


if __name__ == "__main__":
    sys.exit(main())
