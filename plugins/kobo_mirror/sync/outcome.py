"""What a sync says of itself when it has ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from kobo_mirror.store.tables import COUNTS

_WORDS = (
    ("inserted", "new"),
    ("updated", "changed"),
    ("deleted", "deleted"),
    ("revived", "revived"),
    ("unchanged", "unchanged"),
    ("deferred", "asked for again"),
)


def outcome_of(run: RowMapping, rejected: int, last_exact: datetime | None) -> dict[str, Any]:
    """What a run that has ended did: ``mode``, its counts, ``seconds``, and all of it in a ``sentence``.

    :param rejected: how many submissions of the form are rejected now.
    :param last_exact: when the last exact run ended (UTC); None where this one was exact.
    """
    seconds = round((run["finished_at"] - run["started_at"]).total_seconds(), 1)
    counts = {name: int(run[name]) for name in COUNTS}
    sentence = sentence_of(counts, rejected, seconds, last_exact)
    return {"mode": run["mode"], **counts, "seconds": seconds, "sentence": sentence}


def sentence_of(counts: Mapping[str, int], rejected: int, seconds: float, last_exact: datetime | None) -> str:
    """What was done, what is rejected, and since when it is known to be equal."""
    words = [f"{counts[name]} {word}" for name, word in _WORDS if counts[name] or name == "inserted"]
    ending = f"success, with {rejected} rejected" if rejected else "success"
    how = f"fresh, last exact {last_exact:%Y-%m-%d %H:%M} UTC" if last_exact else "exact"
    return f"{ending}: {', '.join(words)} in {seconds} s ({how})"
