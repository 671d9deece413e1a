"""What every test may ask for: a real TimescaleDB, a free port, a tool of the machine."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from filelock import FileLock
from psycopg import sql

REPOSITORY = Path(__file__).resolve().parents[1]

# One compilation of the kernels for all workers and runs.
os.environ.setdefault("NUMBA_CACHE_DIR", str(REPOSITORY / ".cache" / "numba"))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as ami.main does
# Sources are compiled once, not by each worker and again by each of the hundreds of `ami …` that tests run.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# A test chooses its own home and server; the developer's are not touched.
for _variable in ("AMI_HOME", "AMI_DATABASE_URL"):
    os.environ.pop(_variable, None)

from ami import event_loop  # noqa: E402 - after the environment is clean
from operations import passwords  # noqa: E402
from storage.embedded import Embedded, ports  # noqa: E402
from storage.errors import DatabaseMissing  # noqa: E402

FAST = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "64MB",
    "timescaledb.max_background_workers": "0",
    "autovacuum": "off",
    "max_wal_size": "4GB",
}
_TEMPLATE = "migrated"


def _missing(reason: str) -> None:
    """Skip for a tool that the machine lacks; under CI that is a failure, for there it must be installed."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}; under CI this is a failure", pytrace=False)
    pytest.skip(reason)


LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "head_end": event_loop.new_event_loop,
    "asyncio": asyncio.new_event_loop,
}
_HEAD_END = (
    "test_collector_",
    "test_mqtt_",
    "test_push_",
    "test_foreign_",
    "test_modbus_",
    "test_bad_input_",
)
_BOTH = (  # lines are opened by the head-end and, for one meter, by `ami read` and `ami meter test`
    "test_collector_lines", "test_collector_listener", "test_collector_listener_tls", "test_collector_push",
    "test_collector_serial", "test_collector_serial_port",
)  # fmt: skip


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What belongs to the head-end is tried on its loop, lines on that of the short verbs as well."""
    if item.path.stem in _BOTH:
        return LOOPS
    name = "head_end" if item.path.name.startswith(_HEAD_END) else "asyncio"
    return {name: LOOPS[name]}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_collection_finish() -> None:
    gc.freeze()  # what was collected stays to the end: no need to look through it again and again


@pytest.fixture(scope="session")
def missing() -> Callable[[str], None]:
    """`missing(reason)` ends a test that this machine cannot run: a skip, and under CI a failure."""
    return _missing


@pytest.fixture(scope="session")
def needs_tool() -> Callable[..., str]:
    """`needs_tool("chromium")` is its path; names after the first are taken when the first is not there."""

    def find(*names: str) -> str:
        for name in names:
            if path := shutil.which(name):
                return path
        _missing(f"{names[0]} is not installed (debian-packages.txt lists it)")
        raise AssertionError

    return find


@pytest.fixture(scope="module", autouse=True)
def quick_passwords(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a sign-in costs, a fifth of a second of CPU, is meant for thieves: only the tests of it pay."""
    if request.path.stem == "test_operations_accounts":
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        patch.setattr(passwords, "_nobodys", cache(lambda: passwords._HASHER.hash("the password of nobody")))
        yield


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of public data sets beside the repository, or a skip."""
    folder = Path(os.environ.get("AMI_SHARED") or REPOSITORY.parent / "shared")
    if not folder.is_dir():
        pytest.skip("the folder ../shared with the public data sets is not here (AMI_SHARED names another)")
    return folder.resolve()


# Under those the product chooses from: a server started by one test never takes a port promised to another.
TEST_PORTS = range(2000, ports.LOWEST)
_HANDED_OUT: set[int] = set()


def _next_port() -> int:
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        port = random.SystemRandom().choice(TEST_PORTS[worker::workers])  # hypothesis seeds the other one
        if port not in _HANDED_OUT and ports.is_free(port):
            _HANDED_OUT.add(port)
            return port


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 where nobody listens, below those the kernel gives to clients."""
    return _next_port()


@pytest.fixture(scope="session")
def free_ports() -> Callable[[], int]:
    """The same for a test that needs several: a new port at each call."""
    return _next_port


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for the run, the same for all its workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def cluster(run_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the run's TimescaleDB server (database `postgres`, a superuser).

    The first worker that asks starts it, the last that ends stops it. AMI_TEST_DATABASE_URL names another.
    """
    if given := os.environ.get("AMI_TEST_DATABASE_URL"):
        yield given
        return
    lock, users = FileLock(run_folder / "cluster.lock"), run_folder / "cluster.users"
    me = f"{os.getpid()}"
    with lock:
        home = run_folder / "cluster"
        if not home.is_symlink():
            home.symlink_to(_memory_folder() or tmp_path_factory.mktemp("cluster"))
        server = Embedded(home.resolve(), settings=FAST)
        try:
            server.start()
        except DatabaseMissing as error:
            _missing(str(error))
        users.write_text(json.dumps([*_read(users), me]))
    yield server.dsn("postgres")
    with lock:
        left = [user for user in _read(users) if user != me]
        users.write_text(json.dumps(left))
        if not left:
            server.stop("immediate")
            shutil.rmtree(home.resolve())
            home.unlink()


def _memory_folder() -> Path | None:
    """Where files cost no disk: a database is made of hundreds, and nearly every test makes and drops one."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK) or shutil.disk_usage(memory).free < 4 << 30:
        return None
    return Path(tempfile.mkdtemp(prefix="dienke-test-", dir=memory))


def _read(users: Path) -> list[str]:
    return list(json.loads(users.read_text())) if users.exists() else []


def _named(dsn: str, database: str) -> str:
    return dsn.rsplit("/", 1)[0] + "/" + database


@pytest.fixture(scope="session")
def template(cluster: str, run_folder: Path) -> str:
    """The name of a database with every migration applied, made once for the run."""
    from storage.migrations import migrate

    done = run_folder / "cluster.migrated"
    with FileLock(run_folder / "cluster.template.lock"):
        if not done.exists():
            _create(cluster, _TEMPLATE, "template1")
            migrate(_named(cluster, _TEMPLATE))
            done.touch()
    return _TEMPLATE


def _create(cluster: str, name: str, template: str) -> None:
    # A third of the CPU of the usual strategy, which writes every page of the template into the WAL.
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(statement)


def _fresh(cluster: str, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    _create(cluster, name, template)
    yield _named(cluster, name)
    with psycopg.connect(cluster, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database(cluster: str, template: str) -> Iterator[str]:
    """The address of a migrated database that only this test sees."""
    yield from _fresh(cluster, template)


@pytest.fixture
def empty_database(cluster: str) -> Iterator[str]:
    """The address of a database without any migration (the extension not yet created) for this test alone."""
    yield from _fresh(cluster, "template1")
