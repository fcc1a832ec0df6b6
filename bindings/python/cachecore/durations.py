"""Durations as people write them: seconds, or a timedelta. The methods of plugins take milliseconds (`*_ms`)."""

from __future__ import annotations

from datetime import timedelta
from typing import TypeAlias

Duration: TypeAlias = float | int | timedelta


def milliseconds(duration: Duration) -> int:
    """At least 1 for what is more than nothing; -1 stays -1 (for ever)."""
    if isinstance(duration, timedelta):
        duration = duration.total_seconds()
    if duration == -1:
        return -1
    return max(round(duration * 1000), 1) if duration > 0 else 0
