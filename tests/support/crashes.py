"""A crash between two statements, simulated in a process that goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class Crash(BaseException):
    """No code catches it, and nothing after it reaches the database."""


class CrashPoint:
    """Counts the statements sent to a database; after the crash none is sent any more."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._left: int | None = None
        event.listen(engine, "before_cursor_execute", self._count)
        event.listen(engine, "commit", self._count)

    @contextmanager
    def crash_after(self, statements: int | None) -> Iterator[None]:
        """Let so many statements (commits count) of the block pass, and none after them.

        :param statements: None for all.
        :raises Crash: instead of the first statement that is not sent.
        """
        self._left = statements
        try:
            yield
        finally:
            if self._left is not None and self._left < 0:
                self._engine.dispose()
            self._left = None

    def _count(self, *_: Any, **__: Any) -> None:
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                raise Crash
