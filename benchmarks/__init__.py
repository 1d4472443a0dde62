"""Benchmarks: README's figures come from here."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "scripts"))  # stack.py starts and ends processes
