"""The proxy does to bytes what it is told to, the same for a seed, and changes while it runs."""

import asyncio
import contextlib
import time

import pytest

from simulators.chance import stream
from simulators.errors import ControlError, SimulatorError
from simulators.fault_proxy import FaultProxy
from simulators.faulty_line import PLAIN, Cut, Direction, Tally, Trouble


@contextlib.asynccontextmanager
async def between(free_port, **options):
    """A proxy before a port that says back what it hears; yields it and what calls through it."""
    writers = []

    async def echo(reader, writer):
        writers.append(writer)
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    target = server.sockets[0].getsockname()[:2]

    async def call():
        reader, writer = await asyncio.open_connection("127.0.0.1", free_port)
        writers.append(writer)
        return reader, writer

    try:
        async with FaultProxy(target, **options).serving(free_port) as proxy:
            yield proxy, call
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()


async def said_back(call, *chunks, pause=0.02):
    """What comes back of these chunks, each sent by itself, until it has all come or the line is cut."""
    reader, writer = await call()
    wanted, heard = sum(map(len, chunks)), bytearray()

    async def hear():
        while len(heard) < wanted and (more := await asyncio.wait_for(reader.read(65536), 0.5)):
            heard.extend(more)

    hearing = asyncio.create_task(hear())  # at once: a reset takes with it what was not read
    for chunk in chunks:
        writer.write(chunk)
        await asyncio.sleep(pause)
    with contextlib.suppress(OSError, TimeoutError):
        await hearing
    writer.transport.abort()
    return bytes(heard)


async def test_without_troubles_everything_passes_and_an_end_is_passed_on(free_port):
    async with between(free_port) as (proxy, call):
        reader, writer = await call()
        sent = bytes(range(256)) * 4000
        writer.write(sent)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(-1), 5) == sent
        state = proxy.state()
        assert (state["connections"], state["up"]["bytes_out"], state["down"]["bytes_in"]) == (
            1,
            len(sent),
            len(sent),
        )
        assert (state["up"]["corrupted"], state["up"]["cut"], state["refused"]) == (0, 0, 0)


async def test_each_direction_is_late_by_itself_and_chunks_keep_their_order(free_port):
    slow = Trouble(delay_s=0.1, jitter_s=0.1)
    async with between(free_port, up=slow, down=Trouble(delay_s=0.15)) as (_, call):
        begun = time.monotonic()
        numbers = [b"%03d" % number for number in range(10)]
        assert await said_back(call, *numbers, pause=0.005) == b"".join(numbers)
        assert 0.25 <= time.monotonic() - begun < 0.9  # chunks under way do not wait for one another


async def test_slices_and_a_narrow_line(free_port):
    async with between(free_port, down=Trouble(slice_bytes=7)) as (proxy, call):
        reader, writer = await call()
        writer.write(b"x" * 70)
        pieces: list[int] = []
        while sum(pieces) < 70:
            pieces.append(len(await reader.read(100)))
        assert len(pieces) > 4
        proxy.set(down=Trouble(rate_bytes=2000))
        begun = time.monotonic()
        writer.write(b"y" * 600)
        assert await reader.readexactly(600) == b"y" * 600
        assert 0.25 <= time.monotonic() - begun < 0.6


async def test_a_line_is_cut_after_so_many_bytes_of_one_direction(free_port):
    async with between(free_port, down=Trouble(cut_after=10)) as (proxy, call):
        assert await said_back(call, b"01234", b"56789abc") == b"0123456789"
        assert (proxy.tallies["down"].cut, proxy.tallies["up"].cut) == (1, 0)
        proxy.set(down=PLAIN)
        assert await said_back(call, b"01234", b"56789abc") == b"0123456789abc"


async def test_a_line_is_cut_before_certain_words(free_port):
    seen = []
    async with between(free_port, up=Trouble(cut_on=b"INSERT"), on_cut=lambda: seen.append(1)) as (_, call):
        assert await said_back(call, b"SELECT", b"INSERT", b"COMMIT") == b"SELECT"
    assert seen == [1]


async def test_a_black_hole_keeps_the_connection_and_is_closed_again(free_port):
    async with between(free_port) as (proxy, call):
        reader, writer = await call()
        await proxy.obey({"do": "set", "up": {"blackhole": True}})
        writer.write(b"lost")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(10), 0.1)
        await proxy.obey({"do": "set", "up": {"blackhole": False}})
        writer.write(b"found")
        assert await reader.readexactly(5) == b"found"
        assert proxy.tallies["up"].swallowed == 4


def taken(seed, number):
    """What a connection makes of forty chunks, until it is cut."""
    direction = Direction(Trouble(corrupt=0.3, cut_chance=0.02), stream(seed, number, "up"), Tally())
    out = []
    with contextlib.suppress(Cut):
        for at in range(40):
            out.append(direction.take(bytes((at,)) * 20, 0.0)[1])
    return out


def test_the_same_seed_corrupts_and_cuts_the_same():
    drawn = [taken(4, number) for number in range(20)]
    assert [taken(4, number) for number in range(20)] == drawn
    assert [taken(5, number) for number in range(20)] != drawn
    assert drawn[0] != drawn[1]  # every connection has its own chance
    spoiled = sum(chunk != bytes((at,)) * 20 for chunks in drawn for at, chunk in enumerate(chunks))
    assert 0.2 < spoiled / sum(map(len, drawn)) < 0.4
    assert any(len(chunks) < 40 for chunks in drawn)
    assert all(len(chunk) == 20 for chunks in drawn for chunk in chunks)


async def test_what_is_corrupted_on_the_line_is_counted(free_port):
    async with between(free_port, up=Trouble(corrupt=1.0)) as (proxy, call):
        heard = await said_back(call, b"a" * 20)
        assert len(heard) == 20
        assert 1 <= sum(byte != ord("a") for byte in heard) <= 4
        assert proxy.tallies["up"].corrupted == 1


async def test_cut_hang_up_and_mend(free_port):
    async with between(free_port) as (proxy, call):
        reader, writer = await call()
        writer.write(b"a")
        assert await reader.read(1) == b"a"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(1), 1)
        with pytest.raises(ConnectionRefusedError):
            await call()
        await proxy.mend()
        assert await said_back(call, b"b") == b"b"


async def test_a_script_changes_the_line_in_its_own_time(free_port):
    async with between(free_port) as (proxy, call):
        script = [
            {"do": "set", "down": {"cut_after": 0}},
            {"after_s": 0.2, "do": "set", "down": {"cut_after": None}},
        ]
        following = asyncio.create_task(proxy.follow(script))
        await asyncio.sleep(0.05)
        assert await said_back(call, b"a") == b""
        await following
        assert await said_back(call, b"b") == b"b"


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"do": "explode"}, "is no order"),
        ({"do": "set"}, "is no order"),
        ({"do": "set", "up": {"speed": 3}}, "a line knows no speed"),
        ({"do": "set", "up": {"delay_s": "long"}}, "delay_s cannot be 'long'"),
        ({"do": "set", "up": {"corrupt": 3}}, "a share from 0 to 1"),
        ({"do": "set", "up": 3}, "JSON objects"),
    ],
)
async def test_what_is_no_order_is_one_sentence(order, says):
    with pytest.raises(ControlError, match=says):
        await FaultProxy(("127.0.0.1", 9)).obey(order)


async def test_a_port_that_is_taken_is_one_sentence(free_port):
    async with between(free_port):
        with pytest.raises(SimulatorError, match="is taken"):
            async with FaultProxy(("127.0.0.1", 9)).serving(free_port):
                pass


async def test_a_target_that_takes_no_call_is_counted(free_port, free_ports):
    async with FaultProxy(("127.0.0.1", free_ports())).serving(free_port) as proxy:
        reader, writer = await asyncio.open_connection("127.0.0.1", free_port)
        with contextlib.suppress(OSError):
            assert await reader.read(1) == b""
        writer.close()
        assert proxy.refused == 1
