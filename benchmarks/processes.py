"""Workers seen from the parent: started, asked, and left behind when they fail."""

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

KEPT = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
}
"""Variables that have glibc keep freed memory. By default it gives large blocks back, and every new
batch then costs the kernel the clearing of all its pages, more than its pixels cost."""


class Failed(Exception):  # noqa: N818 - the row says it, nothing is raised to the user
    """A worker could not answer; the text says why."""


class Process:
    """One worker.

    Args:
        side: name in `benchmarks.peers.SIDES`.
        device: ``cpu`` or ``gpu``.
        kept: freed memory is kept for the next batch.
    """

    def __init__(self, side: str, device: str, *, kept: bool = False):
        self.side = side
        environment = dict(os.environ) | (KEPT if kept else {})
        if device == "cpu":
            environment["JAX_PLATFORMS"] = "cpu"
            environment["CUDA_VISIBLE_DEVICES"] = ""
        # Threads of torch that wait by spinning lose a factor of ten on a machine that is not idle.
        environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        # Several processes share the GPU.
        environment.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", side, device],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def send(self, do: str, **values: Any) -> None:
        try:
            self.process.stdin.write(json.dumps({"do": do, **values}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise Failed(self._last_words()) from None

    def receive(self, seconds: float = 120.0) -> dict[str, Any]:
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            self.stop()
            raise Failed(f"no answer in {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise Failed(self._last_words())
        answer = json.loads(line)
        if "error" in answer:
            raise Failed(answer["error"])
        return answer

    def ask(self, do: str, *, seconds: float = 120.0, **values: Any) -> dict[str, Any]:
        self.send(do, **values)
        return self.receive(seconds)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def _last_words(self) -> str:
        self.errors.seek(0)
        lines = [line for line in self.errors.read().splitlines() if line.strip()]
        return lines[-1][:200] if lines else "it ended"


def start(
    sides: list[str], device: str, *, kept: bool = False
) -> tuple[dict[str, Process], dict[str, Any]]:
    """Start all sides at once.

    Returns:
        Those that answered, and what each said: its versions, or why it is not there.
    """
    processes = {side: Process(side, device, kept=kept) for side in sides}
    said: dict[str, Any] = {}
    for side, process in processes.items():
        try:
            process.send("hello")
        except Failed as reason:
            said[side] = {"absent": str(reason)}
    for side, process in processes.items():
        if side in said:
            continue
        try:
            said[side] = process.receive()
        except Failed as reason:
            said[side] = {"absent": str(reason)}
            process.stop()
    return {side: p for side, p in processes.items() if "absent" not in said[side]}, said
