"""The first day of a cooperative, as somebody new goes through it: from an empty home to a printed bill."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from tests.integration.conftest import Ami

AS_OF = "2026-11-21T09:10:00+07:00"
MONTH, FIRST, END = "2026-10", "2026-10-01T00:00:00+07:00", "2026-11-01T00:00:00+07:00"


@dataclass(slots=True)
class Village:
    """Meters of `ami simulate fleet`, taken as the real ones of this cooperative."""

    process: subprocess.Popen[str]
    register: dict[str, Any]

    def ask(self, **order: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def meter(self, serial: str) -> tuple[dict[str, Any], dict[str, Any]]:
        meter = next(m for m in self.register["meters"] if m["serial"] == serial)
        return meter, next(m for m in self.register["modems"] if m["code"] == meter["modem"])

    def sound(self, model: str) -> list[str]:
        """Meters of a model that hang since the beginning, with nothing planted on their line."""
        planted = {one["meter"] for one in self.truth()["planted"]}
        lines = {m["modem"] for m in self.register["meters"] if m["serial"] in planted}
        changed = {i["point"] for i in self.register["installations"] if i["until"]}
        hung = {i["serial"]: i["point"] for i in self.register["installations"]}
        return [
            m["serial"]
            for m in self.register["meters"]
            if m["model"] == model and m["modem"] not in lines and hung[m["serial"]] not in changed
        ]

    def truth(self) -> Any:
        return self.ask(do="truth", **{"from": FIRST, "to": END})["truth"]


@pytest.fixture
def village(ami: Ami) -> Iterator[Village]:
    process = ami.start(
        "simulate", "fleet", "--json", "--seed", "11", "--customers", "24", "--as-of", AS_OF,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    yield Village(process, json.loads(process.stdout.readline())["register"])
    process.stdin.close()
    process.wait(20)
    process.stdout.close()


def _fill_sheet(path: Path, lines: list[dict[str, str]]) -> None:
    """What a person does with the template: overwrite the example, go on below it."""
    book = load_workbook(path)
    sheet = book.worksheets[0]
    headings = {str(cell.value): cell.column for cell in sheet[1]}
    for row, line in enumerate(lines, 2):
        for heading, column in headings.items():
            sheet.cell(row, column).value = line.get(heading)
    book.save(path)


def _fill_csv(path: Path, lines: list[dict[str, str]]) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        headings = next(csv.reader(file))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, headings)
        writer.writeheader()
        writer.writerows(lines)


def _line(code: str, name: str, **more: str) -> dict[str, str]:
    usual = {"Mã sổ ghi chỉ số": "S01", "Mã trạm": "T01", "Từ ngày": "01/10/2026", "Địa chỉ": "Thôn Đoài"}
    return {**usual, "Mã khách hàng": code, "Tên khách hàng": name, **more}


@pytest.mark.long
def test_the_first_day_of_a_cooperative(
    ami: Ami, village: Village, tmp_path: Path, needs_tool: Callable[..., str]
) -> None:
    said = ami("init").stderr
    assert "Next:" in said
    assert "wrapping.key" in said
    before = (ami.home / "ami.toml").read_bytes(), (ami.home / "wrapping.key").read_bytes()
    ami("init")
    assert before == ((ami.home / "ami.toml").read_bytes(), (ami.home / "wrapping.key").read_bytes())

    assert "Password: " in ami("user", "add", "kythuat", "--role", "engineer").stderr
    ami("user", "add", "thungan", "--role", "billing", "--password-stdin", stdin="một mật khẩu dài\n")
    assert {u["login"] for u in ami.json("user", "list", "--json")["users"]} == {"kythuat", "thungan"}

    customers(ami, tmp_path)
    serials = meters(ami, village)
    read(ami, serials)
    billed(ami, village, serials)
    printed(ami, tmp_path, needs_tool("chromium"))
    by_hand(ami, village)


def customers(ami: Ami, folder: Path) -> None:
    """A sheet and a CSV file, both from the template, and what is told about what is wrong in one."""
    sheet, text = folder / "kh.xlsx", folder / "kh.csv"
    for file in (sheet, text):
        ami("import", "template", str(file))
        only = ami("import", "customers", str(file), code=5).stderr
        assert "line 2: this is still the template's example customer, and there is no other" in only
    _fill_sheet(
        sheet, [_line("HTX1", "Trần Văn Bình", **{"Điện thoại": "0987654321"}), _line("HTX2", "Lê Thị Hạnh")]
    )
    _fill_csv(text, [_line("HTX3", "Phạm Quốc Khánh", **{"Số hộ": "không"}), _line("", "Ai đó")])
    wrong = ami("import", "customers", str(text), code=5).stderr
    assert "line 2, column “Số hộ”" in wrong
    assert "line 3, column “Mã khách hàng”" in wrong
    assert ami.json("import", "customers", str(sheet), "--json")["added"]["customers"] == 2
    _fill_csv(text, [_line("HTX3", "Phạm Quốc Khánh", **{"Số hộ": "2"})])
    assert "1 customer, 1 point" in ami("import", "customers", str(text)).stderr
    known = ami.json("export", "register")
    assert {c["code"]: c["phone"] for c in known["customers"]}["HTX1"] == "0987654321"


def meters(ami: Ami, village: Village) -> list[str]:
    """One alone on its line, one with a password typed wrongly first, two behind one modem."""
    first, second = village.sound("dk-1p")[:2]
    logger = village.sound("dk-mb-log")[0]
    _hang(ami, village, first, "--customer", "HTX1")
    _hang(ami, village, logger, "--customer", "HTX2")
    ami.environment["AMI_METER_PASSWORD"] = "SAI"
    modem = village.meter(second)[1]
    arguments = ["--model", "dk-1p", "--host", modem["host"], "--port", str(modem["port"])]
    arguments += ["--address", str(village.meter(second)[0]["address"]), "--as-of", AS_OF]
    ami("meter", "add", second, *arguments, "--customer", "HTX3")
    refused = ami("meter", "test", second, "--as-of", AS_OF, code=3).stdout
    assert f"refused the password; correct it (AMI_METER_PASSWORD=… ami meter change {second})" in refused
    ami.environment["AMI_METER_PASSWORD"] = village.meter(second)[0]["password"]
    assert "password changed" in ami("meter", "change", second).stderr
    del ami.environment["AMI_METER_PASSWORD"]

    seen = ami("meter", "test", second, "--as-of", AS_OF).stdout
    assert "everything was read" in seen
    assert "Its clock is exact to the second." in seen
    assert "Energy used, total (KT): " in seen
    assert "kWh" in seen
    assert " V, " in seen
    document = ami.json("meter", "test", logger, "--as-of", AS_OF, "--json")
    assert document["outcome"] == "ok"
    assert document["profile"]["values"] >= 20
    listed = ami.json("meter", "list", "binh", "--json")["meters"]
    assert [m["serial"] for m in listed] == [first]
    return [first, logger, second]


def _hang(ami: Ami, village: Village, serial: str, *more: str) -> None:
    meter, modem = village.meter(serial)
    password = {"AMI_METER_PASSWORD": meter["password"]} if meter["password"] else {}
    ami.environment.update(password)
    ami(
        "meter", "add", serial, "--model", meter["model"], "--address", str(meter["address"]),
        "--host", modem["host"], "--port", str(modem["port"]), "--as-of", AS_OF, *more,
    )  # fmt: skip
    ami.environment.pop("AMI_METER_PASSWORD", None)


def read(ami: Ami, serials: list[str]) -> None:
    """The past since they were hung comes from the meters' own buffers."""
    done = ami.json("collect", "--once", "--as-of", AS_OF, "--json")
    assert done["meters"] == 3
    assert done["failed"] == []
    assert ami.json("validate", "--as-of", AS_OF, "--json")["days"] > 3 * 51
    for serial in serials:
        rows = ami.json("export", "intervals", "--meter", serial, "--quality", "actual", "--json")
        assert rows["meter"] == serial
        assert rows["rows"][0]["at"] == FIRST
        assert set(rows["rows"][0]) == {"at", "wh", "quality", "method"}
        assert len([row for row in rows["rows"] if row["at"] < END]) == 31 * 48


def billed(ami: Ami, village: Village, serials: list[str]) -> None:
    """The month closes on the meters' snapshots, and the bills are their register differences."""
    assert ami.json("close", "--month", MONTH, "--json")["missing"] == []
    sheet = ami("export", "closing", "--month", MONTH, "--csv").stdout
    rows = list(csv.DictReader(io.StringIO(sheet)))
    assert {row["SERY_CTO"] for row in rows} == set(serials)
    assert {row["MA_KHANG"] for row in rows} == {"HTX1", "HTX2", "HTX3"}
    assert {"MA_QUYEN", "CS_CU", "CS_MOI", "SL_MOI", "HSN", "SO_HO", "CHUOI_GIA"} <= set(rows[0])
    assert {row["SO_HO"] for row in rows if row["MA_KHANG"] == "HTX3"} == {"2"}
    report = ami.json("bill", "run", "--month", MONTH, "--as-of", AS_OF, "--json")
    truth = village.truth()["registers"]
    assert report["issued"] == 3
    assert report["held"] == []
    assert report["wh_billed"] == sum(truth[s]["to"] - truth[s]["from"] for s in serials)
    again = ami.json("bill", "run", "--month", MONTH, "--as-of", AS_OF, "--json")
    assert (again["issued"], again["unchanged"]) == (0, 3)
    standing = ami.json("status", "--as-of", AS_OF, "--json")
    assert standing["points_without_meter"] == []
    assert standing["held"] == []


def printed(ami: Ami, folder: Path, chromium: str) -> None:
    """Every bill is one A5 sheet."""
    ami.environment["AMI_OFFICE"] = "HTX điện Bình Minh"
    listed = ami.json("bill", "list", "--month", MONTH, "--json")["bills"]
    single, month = folder / "one.html", folder / "month.html"
    ami("bill", "print", str(listed[0]["id"]), "--output", str(single))
    assert "exists already" in ami("bill", "print", "1", "--output", str(single), code=5).stderr
    ami("bill", "print", str(listed[0]["id"]), "--output", str(single), "--force")
    ami("bill", "print", "--month", MONTH, "--output", str(month))
    page = single.read_text()
    assert "HTX điện Bình Minh" in page
    assert f"{listed[0]['total']:,}".replace(",", ".") in page
    assert "http" not in page
    for file, sheets in ((single, 1), (month, 3)):
        pdf = file.with_suffix(".pdf")
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
                f"--user-data-dir={folder / 'chromium'}", f"--print-to-pdf={pdf}", file.as_uri(),
            ],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        assert pdf.read_bytes().count(b"/MediaBox [0 0 420 594") == sheets


def by_hand(ami: Ami, village: Village) -> None:
    """A meter that keeps no past is held until somebody enters what it showed; then it is taken down."""
    serial = village.sound("dk-mb")[0]
    _hang(ami, village, serial, "--customer", "HTX3", "--point", "HTX3002")
    missing = ami.json("close", "--month", MONTH, "--json", code=3)["missing"]
    assert [(point, meter) for point, meter, _ in missing] == [("HTX3002", serial)] * 2
    command = f"ami meter index {serial} KT=… --at 2026-10-01T00:00"
    assert command in missing[0][2]
    [held] = ami.json("bill", "run", "--month", MONTH, "--as-of", AS_OF, "--json", code=3)["held"]
    assert command in held["reason"]
    ami("meter", "index", serial, "KT=7543.2", "--at", "2026-10-01", "--as-of", AS_OF)
    below = ami("meter", "index", serial, "KT=7543.1", "--as-of", AS_OF, code=5).stderr
    assert "is below the 7543.2 kWh" in below
    assert (
        "entered" in ami("meter", "index", serial, "KT=7643.7", "--as-of", AS_OF).stderr
    )  # this month's first
    assert ami.json("close", "--month", MONTH, "--json")["missing"] == []
    report = ami.json("bill", "run", "--month", MONTH, "--as-of", AS_OF, "--json")
    assert (report["issued"], report["unchanged"], report["held"]) == (1, 3, [])
    [bill] = [
        b for b in ami.json("bill", "list", "--month", MONTH, "--json")["bills"] if b["point"] == "HTX3002"
    ]
    assert float(bill["wh"]) == 100_500
    later = ami("meter", "take-down", serial, "--at", "2026-11-22", "--as-of", AS_OF, code=5).stderr
    assert "is still to come" in later
    told = ami("meter", "take-down", serial, "--at", "2026-11-20", "--as-of", AS_OF).stderr
    assert "HTX3002 (taken down)" in ami("meter", "list", serial).stdout
    assert f"ami meter take-down {serial} --undo" in told
    ami("meter", "take-down", serial, "--undo", "--at", "2026-11-20", code=2)
    ami("meter", "take-down", serial, "--undo", "--as-of", AS_OF)
    assert "taken down" not in ami("meter", "list", serial).stdout
