"""A value that tells when it is made out of its serialized form."""

from __future__ import annotations

import json
from typing import ClassVar


class Tripwire:
    """What Airflow's serialization would make of ``SERIALIZED``."""

    __version__: ClassVar[int] = 1
    made: ClassVar[list[object]] = []

    @staticmethod
    def deserialize(data: object, version: int) -> Tripwire:
        """Note that a value was deserialized."""
        Tripwire.made.append(data)
        return Tripwire()


SERIALIZED = json.dumps(
    {
        "__classname__": f"{__name__}.Tripwire",
        "__version__": 1,
        "__data__": {"answer": "of a respondent"},
    }
)
