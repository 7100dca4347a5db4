"""How many processors there are for us."""

import os


def processors(most: int = 8) -> int:
    """Processors that this process may use, at most `most`: more only wait for each other."""
    affinity = getattr(os, "sched_getaffinity", None)  # knows about containers; Linux only
    return min(len(affinity(0)) if affinity else os.cpu_count() or 1, most)
