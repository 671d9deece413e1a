"""Child processes of the demo: started together, restarted when they must live, ended together."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from ami.console import say
from ami.failure import Exit, Failure

_PR_SET_PDEATHSIG = 1
STOP_WITHIN_S = 10.0
TRIES = 3


def _end_with_parent() -> None:
    """Ask the kernel for SIGTERM when the parent dies, so that a killed demo leaves nothing behind."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass(slots=True)
class Ports:
    """Ports that are ours until we end, although our children listen there only some of the time.

    Another demo sees the claim (an abstract socket of that name, which the kernel drops with the process) and
    goes on to the next port.
    """

    claims: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Ports:
        return self

    def __exit__(self, *_: object) -> None:
        for claim in self.claims:
            claim.close()

    def take(self, host: str, preferred: int) -> int:
        """`preferred` if it is free and unclaimed, else the next such port, below 32768."""
        for port in [preferred, *range(max(preferred, 1024) + 1, 32768)]:
            claim = socket.socket(socket.AF_UNIX)
            try:
                claim.bind(f"\0dienke-port-{port}")
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, port))
            except OSError:
                claim.close()
                continue
            self.claims.append(claim)
            return int(port)
        raise Failure(f"No port from {preferred} to 32767 is free on {host}: stop what listens there.")


@dataclass(slots=True)
class Child:
    """One `ami` verb in a process of its own; what it says on stderr goes to a file."""

    name: str
    arguments: list[str]
    log: Path
    keep_alive: bool = False
    environment: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        with self.log.open("a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ami.main", *self.arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                # Ctrl-C reaches the demo alone, which then ends its children in order.
                start_new_session=True,
                env={**os.environ, **self.environment},
                preexec_fn=_end_with_parent,
            )

    def running(self) -> subprocess.Popen[str]:
        if self.process is None:
            raise Failure(f"{self.name} was never started.")
        return self.process

    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def line(self) -> dict[str, Any]:
        """The next JSON line on stdout; raises `Failure` when the process ended instead."""
        process = self.running()
        stdout: IO[str] = process.stdout  # type: ignore[assignment]
        text = stdout.readline()
        if not text.endswith("\n"):  # nothing, or what a kill cut off
            code = process.wait()
            said = self.last_words().removeprefix("ami: ")
            # What was handed in is at fault: who noticed it does not matter.
            failure = Failure(said if code == Exit.INPUT else f"{self.name} ended: {said}")
            failure.code = Exit(code) if code in set(Exit) and code else Exit.FAILED
            raise failure
        document: dict[str, Any] = json.loads(text)
        return document

    def lines(self) -> Iterator[dict[str, Any]]:
        """JSON lines up to the one that says `finished`; of a process that can be run again and again.

        When a signal kills it, it is started again. Raises `Failure` when it ended by itself, or was killed
        TRIES times in a row before it said anything.
        """
        silent = 0
        while True:
            try:
                line = self.line()
            except Failure:
                if self.running().returncode >= 0 or silent == TRIES:
                    raise
                say(f"The {self.name} was killed; it is started again and asks for what is missing.")
                silent += 1
                self.start()
                continue
            silent = 0
            if line.get("finished"):
                return
            yield line

    def ask(self, **question: Any) -> dict[str, Any]:
        """Send one JSON line and wait for the answer."""
        stdin: IO[str] = self.running().stdin  # type: ignore[assignment]
        stdin.write(json.dumps(question) + "\n")
        stdin.flush()
        return self.line()

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.terminate()
        try:
            self.process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def family(logs: Path) -> Iterator[Callable[..., Child]]:
    """Yield a function that starts children; all are ended, last one first, when the block is left."""
    logs.mkdir(parents=True, exist_ok=True)
    children: list[Child] = []

    def start(name: str, *arguments: str, keep_alive: bool = False, **environment: str) -> Child:
        child = Child(name, list(arguments), logs / f"{name}.log", keep_alive, environment)
        child.start()
        children.append(child)
        return child

    def terminated(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    # SIGINT too: a shell that starts a program in the background has it ignored.
    before = {number: signal.signal(number, terminated) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield start
    finally:
        # A second Ctrl-C must not leave half of them behind.
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(children):
            child.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(
    children: list[Child], *, every_s: float = 1.0, later: tuple[float, Callable[[], None]] | None = None
) -> None:
    """Stay until interrupted; a child that must live is started again when it ends.

    `later` is done once, so many seconds from now.
    """
    quick: dict[str, float] = {}
    began = time.monotonic()
    while True:
        time.sleep(every_s)
        if later is not None and time.monotonic() - began >= later[0]:
            later[1]()
            later = None
        for child in children:
            if child.running().poll() is None:
                continue
            if not child.keep_alive or time.monotonic() - quick.get(child.name, -60.0) < 5.0:
                raise Failure(
                    f"{child.name} ended: {child.last_words().removeprefix('ami: ')} (all of it: {child.log})"
                )
            quick[child.name] = time.monotonic()
            child.start()
