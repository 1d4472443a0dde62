#!/bin/bash
# Serves Airflow's UI and API. The users are admin, with the password from .env, and the webhook's, if it has one;
# their passwords are written to memory only.
set -euo pipefail
umask 077
if [[ -n ${WEBHOOK_AIRFLOW_LOGIN:-} ]]; then
    export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS+=",${WEBHOOK_AIRFLOW_LOGIN%%:*}:op"
fi
python >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE" <<'PYTHON'
import json, os
user, _, password = os.environ.get("WEBHOOK_AIRFLOW_LOGIN", "").partition(":")
print(json.dumps({user: password, "admin": os.environ["AIRFLOW_ADMIN_PASSWORD"]}))
PYTHON
unset AIRFLOW_ADMIN_PASSWORD WEBHOOK_AIRFLOW_LOGIN
exec airflow api-server
