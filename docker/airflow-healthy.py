"""Exit 0 if a part of Airflow has a fresh heartbeat: ``scheduler``, ``dag_processor`` or ``triggerer``."""

import json
import sys
from urllib.request import urlopen

with urlopen("http://airflow-api-server:8080/api/v2/monitor/health", timeout=10) as answer:
    parts = json.load(answer)
sys.exit(parts[sys.argv[1]]["status"] != "healthy")
