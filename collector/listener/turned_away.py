"""What the log says of callers and messages that are sent away: the first at once, then how many there were.

A flood must not fill the log: of each reason there is at most one line a minute.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Final

MINUTE_S: Final = 60.0
NAMED: Final = 256  # of a minute's callers so many are told apart

_WORDS: Final = {
    "address_cap": "as many stand at the door from there as may",
    "registered_cap": "as many modems are inside from there as may",
    "rate": "more connections a second from there than may be",
    "first_byte": "said nothing in time",
    "registration_time": "gave no name in time",
    "too_long": "said more than anybody has to say",
    "unknown_modem": "gave a name that is not in the register",
    "unknown_dialect": "said what is a name in no dialect of a modem that may dial in",
    "duplicate": "called again while it waited to be tried",
    "impostor": "gave the name of a modem, and no meter of that was behind it",
    "idle": "fell silent",
    "tls": "brought about no TLS handshake",
    "descriptors": "this program has no sockets left: raise its limit of open files",
    "message_time": "began a message and did not end it in time",
    "undecodable": "no notification in the wrapper of IEC 62056-4-7",
    "unknown_meter": "of no meter in the register",
    "unprotected": "not ciphered, of a meter that has to",
    "untrusted": "no key of a meter opens it",
    "future": "dated after now",
    "too_old": "dated so long ago that it is no news",
    "replayed": "recorded and played again",
    "garbage": "nothing in it can be read",
    "store_away": "whose it is could not be looked up, the database being away",
    "busy": "more came than can be weighed",
}


class TurnedAway:
    """`note` each one, in the event loop; `place` is where they stood. `close` says what is left to say."""

    def __init__(self, log: logging.Logger, place: str) -> None:
        self._log, self._place = log, place
        self._more: dict[str, Counter[str]] = {}  # by reason, while it has been said less than a minute ago
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def note(self, why: str, who: str = "", detail: str = "") -> None:
        """Somebody (`who`: an address, a modem; empty where that is not known) was sent away.

        `detail`: what to say in place of the reason's own words.
        """
        more = self._more.get(why)
        if more is None:
            said = " ".join(detail.split()) or _WORDS.get(why, why)
            known = f"; from {who}" if who else ""
            self._log.warning("sent away at %s (%s): %s%s", self._place, why, said, known)
            self._begin(why)
        else:
            more[who if who in more or len(more) < NAMED else ""] += 1

    def close(self) -> None:
        """No more come."""
        for timer in self._timers.values():
            timer.cancel()
        for why in self._more:
            self._say(why)
        self._timers.clear()
        self._more.clear()

    def _begin(self, why: str) -> None:
        self._more[why] = Counter()
        self._timers[why] = asyncio.get_running_loop().call_later(MINUTE_S, self._minute, why)

    def _minute(self, why: str) -> None:
        if self._say(why):
            self._begin(why)
        else:
            del self._more[why], self._timers[why]

    def _say(self, why: str) -> bool:
        more = self._more[why]
        count = more.total()
        if count:
            who, most = max(((who, n) for who, n in more.items() if who), key=lambda one: one[1],
                            default=("", 0))  # fmt: skip
            known = f", {'' if most == count else f'{most:,} of them '}from {who}" if who else ""
            self._log.warning(
                "sent away at %s (%s): %s more within a minute%s", self._place, why, f"{count:,}", known
            )
        return bool(count)
