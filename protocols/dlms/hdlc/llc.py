"""The LLC header before every message (IEC 62056-46, 5.3): destination, source, quality."""

from typing import Final

FROM_CLIENT: Final = b"\xe6\xe6\x00"
FROM_METER: Final = b"\xe6\xe7\x00"
