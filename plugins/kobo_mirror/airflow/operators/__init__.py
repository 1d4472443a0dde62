"""ADAPTER: the operators, a class for each step of a sync and one for all of it.

An operator reads its parameters, opens its connections, calls ``kobo_mirror.sync`` and leaves a note for its
run. What a step does belongs in ``sync``; what happens outside tasks (links, notes of runs) in ``airflow``.
"""

from kobo_mirror.airflow.operators.choose import KoboChooseOperator
from kobo_mirror.airflow.operators.forms import KoboFormsOperator
from kobo_mirror.airflow.operators.register import KoboRegisterOperator
from kobo_mirror.airflow.operators.replay import KoboReplayOperator
from kobo_mirror.airflow.operators.sync_steps import (
    KoboPlanOperator,
    KoboPrepareOperator,
    KoboPublishOperator,
    KoboPullOperator,
    KoboReconcileOperator,
    KoboReleaseOperator,
)
from kobo_mirror.airflow.operators.verify import KoboVerifyOperator
from kobo_mirror.airflow.operators.whole_sync import KoboOperator

__all__ = [
    "KoboChooseOperator",
    "KoboFormsOperator",
    "KoboOperator",
    "KoboPlanOperator",
    "KoboPrepareOperator",
    "KoboPublishOperator",
    "KoboPullOperator",
    "KoboReconcileOperator",
    "KoboRegisterOperator",
    "KoboReleaseOperator",
    "KoboReplayOperator",
    "KoboVerifyOperator",
]
