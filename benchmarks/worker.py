"""A side in a process of its own: `python -m benchmarks.worker SIDE DEVICE`, JSON lines in and out.

So the threads of one library do not disturb another, and what crashes or is not installed stops
nobody else. Requests are `{"do": ..., ...}`; each is answered by one line.
"""

import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from typing import Any

import numpy as np

from benchmarks import images
from benchmarks.peers import SIDES, Run, Unable
from benchmarks.works import ALL

ENOUGH = 0.05  # seconds that one timing takes at least
Cell = tuple[str, int, str]  # work, rows, dtype


class Worker:
    """Runs that were built, by cell, and what can be asked of them."""

    def __init__(self, side: str, device: str):
        self.side, self.device = SIDES[side], device
        self.module = importlib.import_module(f"benchmarks.peers.{self.side.module}")
        self.runs: dict[Cell, Run] = {}
        self.step = 0

    def hello(self) -> dict[str, Any]:
        versions = {}
        for name in self.module.packages:
            try:
                versions[name] = importlib.metadata.version(name)
            except importlib.metadata.PackageNotFoundError:
                versions[name] = "?"
        answer = {"versions": versions}
        if self.side.module == "ours":
            import jax  # noqa: PLC0415 - only where it is there

            answer["kind"] = jax.devices()[0].device_kind
            answer["platform"] = jax.devices()[0].platform
        return answer

    def build(self, work: str, rows: int, dtype: str) -> dict[str, Any]:
        """Make a run and call it twice: the first call compiles, the second is timed."""
        one = ALL[work]
        source = images.batch(rows, one.side)
        try:
            started = time.perf_counter()
            run = self.module.make(one, source, dtype, self.device, **self.side.options)
            self._once(run)
            first = time.perf_counter() - started
        except Unable as reason:
            return {"unable": str(reason)}
        self._once(run)
        second, _ = self._timed(run.call, run, 0.0)
        if run.limit is not None:
            self._timed(run.limit, run, 0.0)
        self.runs[work, rows, dtype] = run
        return {"first": first, "call": second, **run.facts}

    def time(self, work: str, rows: int, dtype: str) -> dict[str, float]:
        """Seconds of a call; those of the limit next to it, where there is one."""
        run = self.runs[work, rows, dtype]
        if run.limit is None:
            return {"seconds": self._timed(run.call, run, ENOUGH)[0]}
        before, _ = self._timed(run.limit, run, ENOUGH / 2)
        seconds, _ = self._timed(run.call, run, ENOUGH)
        after, _ = self._timed(run.limit, run, ENOUGH / 2)
        return {"seconds": seconds, "limit": (before + after) / 2}

    def drop(self, work: str, rows: int, dtype: str) -> dict[str, Any]:
        self.runs.pop((work, rows, dtype), None)
        return {}

    def picture(self, work: str, rows: int, path: str) -> dict[str, Any]:
        """Write what comes out to a NumPy file."""
        one = ALL[work]
        source = images.batch(rows, one.side)
        try:
            run = self.module.make(one, source, "float32", self.device, **self.side.options)
        except Unable as reason:
            return {"unable": str(reason)}
        np.save(path, np.asarray(run.picture(self._once(run)), np.float32))
        return {}

    def recompilations(self, work: str, rows: int) -> dict[str, int]:
        return {"count": self.module.recompilations(ALL[work], images.batch(rows, ALL[work].side))}

    def copy(self, megabytes: int) -> dict[str, float]:
        return {"speed": self.module.copy_speed(megabytes)}

    def agreement(self, work: str, rows: int) -> dict[str, float]:
        return {"levels": self.module.agreement(ALL[work], images.batch(rows, ALL[work].side))}

    def _once(self, run: Run) -> Any:
        self.step += 1
        return run.finish(run.call(self.step))

    def _timed(self, call: Any, run: Run, enough: float) -> tuple[float, int]:
        """Seconds of one call, over as many as take ``enough``.

        On a GPU calls are queued, as in training, a few at a time.
        """
        calls, ahead = 0, 8 if self.device == "gpu" else 1
        started = time.perf_counter()
        while True:
            for _ in range(ahead if enough else 1):
                self.step += 1
                result = call(self.step)
                calls += 1
            run.finish(result)
            taken = time.perf_counter() - started
            if taken >= enough:
                return taken / calls, calls


def main() -> None:
    """Answer requests until there are no more; libraries may print, but not into the answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker: Any = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if worker is None:
                worker = Worker(sys.argv[1], sys.argv[2])
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:  # noqa: BLE001 - the parent tells which side failed
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
