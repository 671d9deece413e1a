"""`ami simulate fleet --meters` and `ami simulate proxy` as processes, one behind the other."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from pathlib import Path
from typing import Any

AT = "2026-10-20T09:12+07:00"


def line(process: subprocess.Popen[str]) -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


def end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    assert process.wait(20) == 0


def test_a_district_behind_a_line_that_is_cut_by_a_script(ami: Any, free_port: int, tmp_path: Path) -> None:
    fleet = ami.start(
        "simulate", "fleet", "--meters", "40", "--modems", "10", "--profile", "lossy",
        "--as-of", AT, "--json",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    ready = line(fleet)
    assert (len(ready["register"]["meters"]), ready["network"]) == (40, "lossy")
    modem = ready["register"]["modems"][0]
    orders = tmp_path / "orders.jsonl"
    orders.write_text('{"after_s": 0.3, "do": "cut"}\n')
    proxy = ami.start(
        "simulate", "proxy", "--listen", f"127.0.0.1:{free_port}", "--to", f"{modem['host']}:{modem['port']}",
        "--delay", "0.01", "--script", str(orders), "--json",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert line(proxy) == {"ready": True, "host": "127.0.0.1", "port": free_port}
    with socket.create_connection(("127.0.0.1", free_port), 5) as call:
        call.settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert call.recv(1) == b""
    proxy.stdin.write('{"do":"state"}\n')
    proxy.stdin.flush()
    state = line(proxy)
    assert (state["listening"], state["connections"]) == (False, 1)
    end(proxy)
    end(fleet)


def test_options_that_do_not_go_together_are_one_sentence(ami: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("[1]\n")
    for arguments, says in (
        (("fleet", "--modems", "5"), "go with --meters"),
        (("fleet", "--meters", "5", "--modems", "6"), "hang on 1 to 5 modems"),
        (("proxy", "--listen", "here", "--to", "127.0.0.1:1"), "--listen needs HOST:PORT"),
        (("proxy", "--listen", "127.0.0.1:1", "--to", "127.0.0.1:1", "--script", str(bad)), "line 1: write"),
    ):
        done = ami("simulate", *arguments, code=None)
        assert done.returncode != 0
        assert says in done.stderr
        assert "Traceback" not in done.stderr
