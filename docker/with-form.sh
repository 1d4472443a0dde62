#!/bin/sh
# Runs a command with the form that .env names; without one, with the simulator's where that runs (profile demo).
# A container that asks KoboToolbox nothing is not given KOBO_TOKEN, not even an empty one.
set -eu
if [ -z "${KOBO_TOKEN:-}$KOBO_ASSET_ID" ] && getent hosts simulator >/dev/null; then
    export KOBO_URL=http://simulator:8800
    export KOBO_ASSET_ID=aInkomokoDemoSurvey001
    if [ -n "${KOBO_TOKEN+given}" ]; then
        export KOBO_TOKEN=5eed0000demo0000not0a0real0token00000000
        export REAL_TIME_POST_ENDPOINT_URL=http://webhook:8000/api/real-time-updates
    fi
fi
if [ -n "${KOBO_TOKEN+given}" ]; then
    : "${KOBO_TOKEN:?is not set. Put the API token of your KoboToolbox account into .env, or try it with the simulator: docker compose --profile demo up --build}"
fi
: "${KOBO_ASSET_ID:?is not set. Put the uid of your form into .env: the letters and digits after /forms/ in its address}"
exec "$@"
