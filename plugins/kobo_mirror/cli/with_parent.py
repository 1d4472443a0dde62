"""Become another program, which ends with its parent: ``with_parent.py PARENT PROGRAM ARGUMENT …``.

A parent that is killed cannot end its children, but Linux can: what ``prctl`` asks for survives the exec.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main(parent: int, command: list[str]) -> None:
    """Ask the kernel for SIGTERM when the parent ends (on Linux), then become the program.

    :param parent: the process id of the parent, as the parent itself knows it.
    :param command: the path of the program, and its arguments.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:  # the parent ended before the request was made
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606  # without a shell on purpose


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
