"""Dead letters and rejections, taken again as a task."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Context

from kobo_mirror.airflow.operators.base import CONNECTIONS
from kobo_mirror.airflow.operators.rendered import numbers_of
from kobo_mirror.airflow.operators.whole_sync import KoboStepOperator

if TYPE_CHECKING:
    from kobo_mirror.errors import DeletesWaitError
    from kobo_mirror.sync.replay import Fate


class KoboReplayOperator(KoboStepOperator):
    """Take dead letters again, and ask KoboToolbox again for rejected submissions.

    Without any id of either kind, all that wait are taken. The run's note says what became of them.

    :param dead_letters: ids of dead letters. (templated)
    :param rejections: ``_id`` of rejected submissions. (templated)
    """

    template_fields: Sequence[str] = (*CONNECTIONS, "dead_letters", "rejections")

    def __init__(
        self, *, dead_letters: Sequence[int] | str = (), rejections: Sequence[int] | str = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.dead_letters = dead_letters
        self.rejections = rejections

    def _perform(self, context: Context) -> str:
        from kobo_mirror.sync.replay import replay_dead_letters, replay_rejections, sentence_of

        letters = numbers_of("dead_letters", self.dead_letters)
        rejected = numbers_of("rejections", self.rejections)
        everything = not letters and not rejected
        fates: list[Fate] = []
        waiting: DeletesWaitError | None = None
        with self.opened() as opened:
            mirror = opened.chosen.mirror(opened.engine)
            if rejected or everything:  # first: it needs the lease, which a running sync refuses
                ask_again = self.sync_of(opened).ask_again
                fates, waiting = replay_rejections(opened.engine, mirror, ask_again, ids=rejected)
            if letters or everything:
                keep = opened.settings.kobo_keep_payloads
                fates += replay_dead_letters(opened.engine, mirror, keep, ids=letters)
        for fate in fates:
            self.log.info("%s", fate.sentence)
        sentence = sentence_of(fates)
        if waiting:
            self.log.warning("%s", waiting)
            sentence = f"{sentence}. {waiting}"
        self.leave_note(context, sentence)
        return sentence
