#!/bin/bash
# Makes everything ready, then ends: Airflow's tables, our tables, and the two connections if they are not there.
set -euo pipefail
airflow db migrate
python -m kobo_mirror migrate
connections=$(python -m kobo_mirror.airflow.connections)
echo "$connections"

# The very first sync waits for the scheduler, not for the next quarter of an hour.
if [[ $connections == *"kobo_default: created"* ]]; then
    airflow dags reserialize
    airflow dags trigger kobo_sync
fi
