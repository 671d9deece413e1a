"""DLMS/COSEM security (IEC 62056-5-3, 9.2): suites, ciphering, counters, signatures, HLS authentication."""

from protocols.dlms.security.control import SecurityControl
from protocols.dlms.security.counters import CounterStore, MemoryCounters, key_name
from protocols.dlms.security.hls import Challenge, new_challenge
from protocols.dlms.security.protection import Protection
from protocols.dlms.security.setup import AUTHENTICATED_ENCRYPTED, NOTHING, Policy, SecuritySetup
from protocols.dlms.security.suites import Suite

__all__ = [
    "AUTHENTICATED_ENCRYPTED",
    "NOTHING",
    "Challenge",
    "CounterStore",
    "MemoryCounters",
    "Policy",
    "Protection",
    "SecurityControl",
    "SecuritySetup",
    "Suite",
    "key_name",
    "new_challenge",
]  # fmt: skip
