"""The webhook: takes submissions as KoboToolbox posts them, and answers 2xx only once they are committed."""

THREADS = 8
"""Threads of one worker process; each may need a connection of its own."""
