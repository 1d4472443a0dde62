"""The handle of a run: what its steps hand on to each other, also between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from kobo_mirror.errors import ConfigurationError


@dataclass(frozen=True)
class RunHandle:
    """Identify a run that ``prepare`` has opened, and the lease that it holds.

    :param run: the run's name, under which it holds the form's lease.
    :param run_id: the id of its row in ``kobo_sync_runs``.
    :param fencing_token: the number of the lease that ``prepare`` took; ``pull`` writes under it.
    :param mode: ``incremental`` or ``exact``.
    :param resumed: True if the run goes on with one that never finished.
    """

    run: str
    run_id: int
    fencing_token: int
    mode: str
    resumed: bool

    def to_json(self) -> dict[str, Any]:
        """Return the handle as plain JSON, for a channel such as Airflow's XCom.

        >>> RunHandle("kobo_sync 1", 7, 3, "exact", False).to_json()["fencing_token"]
        3
        """
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunHandle:
        """Return the handle that ``to_json`` has described; further keys are ignored.

        :param data: what the channel brought.
        :raises ConfigurationError: it lacks a key of a run handle.
        """
        names = [field.name for field in fields(cls)]
        if lacking := [name for name in names if name not in data]:
            raise ConfigurationError(
                f"The run handle lacks {', '.join(lacking)}: pass on what the step 'prepare' returns."
            )
        return cls(**{name: data[name] for name in names})
