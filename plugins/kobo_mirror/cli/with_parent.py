"""Become another program that ends with its parent: ``with_parent.py PARENT PROGRAM ARGUMENT …``.

A parent that is killed cannot end its children. On Linux the kernel can: the wish survives the exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Ask for SIGTERM at the parent's end, where the system knows that, and become the program.

    :param parent: the pid of the process that starts this one.
    :param command: the program's path, and its arguments.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # it ended before it was asked for
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
