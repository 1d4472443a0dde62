"""WEBHOOK: takes submissions as KoboToolbox posts them, and answers 2xx only once they are committed.

Who may send, how much, and what is answered belongs here; what becomes of a body belongs in ``sync.receive``.
"""

SENDERS = 300
"""Connections of one worker process at most: more than the deliveries it takes, so that all get an answer."""

HEAD_SECONDS, BODY_SECONDS, SILENT_SECONDS = 5.0, 20.0, 5.0
"""Seconds that a sender has for the head of a request, for its body, and between two pieces of it."""
