"""Two meters behind two modems of their own, one of them in trouble, registered for `ami` to read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from model.grid import (
    Customer,
    Installation,
    Meter,
    Modem,
    ModemLink,
    Multiplier,
    Point,
    ReadingBook,
    Register,
    Role,
    Station,
    Supply,
)
from model.period import LOCAL
from storage import grid
from storage.secrets import WrappingKey
from tests.unit.test_collector_dlms import Scripted

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=LOCAL)
HUNG = NOW - timedelta(hours=3)
GOOD, BAD = "12345", "54321"
PASSWORD = "secret"


def register(ports: Sequence[int], password: str = PASSWORD) -> Register:
    """The good meter behind the first port, the bad one behind the second."""
    points = tuple(
        Point(
            f"P{serial}",
            Role.CUSTOMER,
            "T1",
            customer=f"C{serial}",
            multipliers=(Multiplier(HUNG, Decimal(1)),),
            supplies=(Supply(HUNG.date(), "vn-household"),),
        )
        for serial in (GOOD, BAD)
    )
    return Register(
        stations=(Station("T1", "Trạm 1"),),
        books=(ReadingBook("S1", "Sổ 1"),),
        customers=tuple(Customer(f"C{serial}", "Nguyễn Văn An", "", "S1") for serial in (GOOD, BAD)),
        modems=tuple(
            Modem(f"M{number}", ModemLink.DIAL_OUT, host="127.0.0.1", port=port)
            for number, port in enumerate(ports)
        ),
        meters=(
            Meter(GOOD, "dk-1p", "M0", password=PASSWORD),
            Meter(BAD, "dk-1p", "M1", password=password),
        ),
        points=points,
        installations=tuple(Installation(f"P{serial}", serial, HUNG) for serial in (GOOD, BAD)),
    )


def hang(dsn: str, home: Path, found: Register) -> None:
    """Bring the register into the store; what it does not name is left alone."""
    home.mkdir(parents=True, exist_ok=True)
    with psycopg.connect(dsn) as connection:
        grid.save_register(connection, found, WrappingKey.load_or_create(home / "wrapping.key").wrap)


@contextlib.asynccontextmanager
async def answering(*meters: tuple[int, Scripted]) -> AsyncIterator[None]:
    """Scripted meters on their ports."""
    async with contextlib.AsyncExitStack() as stack:
        for port, script in meters:
            server = await asyncio.start_server(script.serve, "127.0.0.1", port)
            stack.push_async_callback(server.wait_closed)
            stack.callback(server.close)
        yield


def rows(dsn: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(query).fetchall()
