"""``python -m kobo_mirror``."""

import sys

from kobo_mirror.cli import main

sys.exit(main())
