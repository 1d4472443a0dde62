"""A value that records when it is deserialized."""

from __future__ import annotations

import json
from typing import ClassVar


class DeserializationProbe:
    """What Airflow's serialization would make of ``SERIALIZED``."""

    __version__: ClassVar[int] = 1
    made: ClassVar[list[object]] = []

    @staticmethod
    def deserialize(data: object, version: int) -> DeserializationProbe:
        """Note that a value was deserialized."""
        DeserializationProbe.made.append(data)
        return DeserializationProbe()


SERIALIZED = json.dumps(
    {
        "__classname__": f"{__name__}.DeserializationProbe",
        "__version__": 1,
        "__data__": {"answer": "of a respondent"},
    }
)
