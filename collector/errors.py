"""What the head-end refuses or gives up on; every message is one sentence: what, where, what to do."""

from __future__ import annotations

import errno
import os


def reason(error: OSError) -> str:
    """The system's word for what went wrong; asyncio puts its own, with an address, in its place."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def what_to_do(error: OSError, setting: str) -> str:
    """What helps where a port of `setting` cannot be opened."""
    if error.errno == errno.EADDRNOTAVAIL:
        return "no network of this machine has that address, correct AMI_LISTEN_HOST"
    if error.errno == errno.EACCES:
        return f"ports below 1024 are for root, choose another with {setting}"
    return f"another program has it, choose another with {setting}"


class CollectorError(Exception):
    """The root of this room's errors; `sentence` is for people."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class NoLink(CollectorError):
    """The meter could not be reached."""


class LinkDown(NoLink):
    """No way to the modem: it does not answer a call, has not dialled in, or hung up."""

    def __init__(self, modem: str, sentence: str) -> None:
        super().__init__(sentence)
        self.modem = modem


class AnswerTimeout(NoLink):
    """A meter or modem kept silent for longer than it may; `heard` are the bytes that did come."""

    def __init__(self, sentence: str, heard: bytes = b"") -> None:
        super().__init__(sentence)
        self.heard = heard


class ListenerError(CollectorError):
    """The listener for modems that dial in could not be opened."""


class SpoolError(CollectorError):
    """The spool cannot be used; `cause` is one word for it: unusable, disk, or spool."""

    cause = "unusable"


class SpoolFull(SpoolError):
    """No room for what a meter would say, on the `disk` or within the `spool`'s bound: the meter keeps it."""

    def __init__(self, sentence: str, cause: str = "disk") -> None:
        super().__init__(sentence)
        self.cause = cause


class StoreAway(CollectorError):
    """The database could not be asked."""


class NodesAtWork(CollectorError):
    """Head-ends that stay read what is missing already; `nodes` are their names."""

    def __init__(self, nodes: list[str]) -> None:
        names = f"head-end {nodes[0]} is" if len(nodes) == 1 else f"head-ends {', '.join(nodes)} are"
        super().__init__(
            f"{names} at work in this database and will read what is missing: "
            "stop that first where everything is to be read at once"
        )
        self.nodes = nodes


class UnknownModel(CollectorError):
    """A meter names a model that this program does not have."""


class BadAddress(CollectorError):
    """A meter's address (URL) that cannot be understood."""


class CountersUnusable(CollectorError):
    """The invocation counters of this home cannot be read, trusted or written: nothing may be ciphered."""
