"""A client of the control API for faults: which requests of a simulated server fail, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast


class FaultControl:
    """Faults of the simulated server, see ``simulator/faults.py`` for the kinds.

    :param send: runs a command of the control API.
    """

    def __init__(self, send: Callable[..., object]) -> None:
        self._send = send

    def add(self, kind: str, *, count: int | None = 1, **options: Any) -> None:
        """Set a fault that strikes requests.

        :param kind: one of ``simulator.faults.KINDS``.
        :param count: how many requests it strikes; None: all that fit.
        :param options: ``every`` (each nth), ``after`` (let so many pass), ``path`` (regular expression over
            path and query), ``method``, ``seconds`` (of ``slow``), ``retry_after`` (seconds).
        """
        self._send("fault", kind=kind, count=count, **options)

    def list(self) -> list[dict[str, Any]]:
        """Return each fault that is set: kind, how many requests fitted it, how many it struck."""
        return cast("list[dict[str, Any]]", self._send("faults"))

    def clear(self) -> None:
        """Remove all faults."""
        self._send("clear-faults")
