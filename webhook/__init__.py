"""The webhook: takes submissions as KoboToolbox posts them, and answers 2xx only once they are committed."""

SENDERS = 300
"""Connections of one worker process: more than it takes deliveries at once, so that all get an answer."""

HEAD_SECONDS, BODY_SECONDS, SILENT_SECONDS = 5.0, 20.0, 5.0
"""What a sender may take for the head of a request, for its body, and between two pieces of it."""
