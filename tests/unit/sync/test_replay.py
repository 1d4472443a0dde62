from __future__ import annotations

import pytest

from kobo_mirror.sync.replay import Fate, sentence_of


@pytest.mark.parametrize(
    ("fates", "sentence"),
    [
        ([], "nothing waits to be replayed"),
        ([Fate("rejection", 7, "mended", None)], "1 replayed: 1 mended (7)"),
        (
            [
                Fate("rejection", 7, "mended", None),
                Fate("rejection", 8, "rejected", "age: …"),
                Fate("rejection", 9, "mended", None),
                Fate("dead letter", 1, "refused", "no JSON"),
                Fate("dead letter", 2, "unknown", "it waits no more"),
            ],
            "2 of 5 replayed: 2 mended (7, 9), 1 rejected (8: it does not fit the table), "
            "1 refused (1: no submission of this form), 1 unknown (2: no such one waits)",
        ),
        (
            [Fate("dead letter", 3, "deferred", "…"), Fate("rejection", 4, "deleted", "…")],
            "2 replayed: 1 deferred (3: the next sync asks for it), "
            "1 deleted (4: KoboToolbox shows it no more)",
        ),
        (
            [Fate("rejection", i, "mended", None) for i in range(1, 13)],
            "12 replayed: 12 mended (1, 2, 3, 4, 5, 6, 7, 8, 9, 10 …)",
        ),
    ],
)
def test_the_results_are_counted_and_the_first_ids_of_each_are_named(
    fates: list[Fate], sentence: str
) -> None:
    assert sentence_of(fates) == sentence
