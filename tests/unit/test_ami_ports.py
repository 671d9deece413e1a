"""Ports that a demo keeps for its children."""

from __future__ import annotations

import socket

from ami.supervise import Ports


def test_a_claimed_port_is_passed_over_though_nobody_listens(free_port: int) -> None:
    with Ports() as first, Ports() as second:
        assert first.take("127.0.0.1", free_port) == free_port
        assert second.take("127.0.0.1", free_port) > free_port
        assert first.take("127.0.0.1", free_port) > free_port
    with Ports() as later:
        assert later.take("127.0.0.1", free_port) == free_port


def test_a_port_that_somebody_listens_on_is_passed_over(free_port: int) -> None:
    with socket.socket() as listener, Ports() as ports:
        listener.bind(("127.0.0.1", free_port))
        listener.listen()
        assert ports.take("127.0.0.1", free_port) > free_port
