#!/bin/bash
# Makes everything ready, then ends: Airflow's tables, our tables, and the two connections if they are not there.
set -euo pipefail
airflow db migrate
python -m kobo_mirror migrate
python -m kobo_mirror.airflow.connections
