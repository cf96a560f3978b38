"""What is remembered: rows, settings, stored bytes. Importing it makes every row known."""

from models import analysis, clip, creator, drop, event, job, listing, recording, review

__all__ = ["analysis", "clip", "creator", "drop", "event", "job", "listing", "recording", "review"]
