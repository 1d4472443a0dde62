"""Whole files: a file is written beside its place under another name, and is there only when it is whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from kobo_mirror.errors import ConfigurationError


@contextmanager
def whole_file(target: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of another one when all is written, or is gone.

    :param target: where it is to be, or a symbolic link to it. A file that is there keeps its rights.
    :returns: a context with the file, which can be read and sought in.
    :raises ConfigurationError: it cannot be written there.
    """
    place = Path(os.path.realpath(target))
    part = place.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("x+b") as file:
            if place.exists():
                shutil.copymode(place, part)
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except OSError as problem:
        raise ConfigurationError(
            f"The file {target} cannot be written: {problem.strerror or type(problem).__name__}."
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
