"""Proves syncshim.c: compiles it into a temporary directory and runs SQLite and single calls under it.

Usage: python3 tests/shim/selftest.py

The last line of the output is `N passed, N failed`; the exit status is 0 only if nothing failed.
"""

import ctypes
import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "syncshim.c"
# The command in the head of syncshim.c, word for word.
COMPILE = "gcc -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared -o syncshim.so syncshim.c"
AFFECTED = "affected-data"
PATIENCE_S = 60
DELAY_MS = 400


def main() -> int:
    tally = Tally()
    tally.equal("the head of syncshim.c has the compile command", COMPILE in SOURCE.read_text("utf-8"), True)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        for check in (
            check_sqlite,
            check_pass,
            check_delay,
            check_fail,
            check_full,
            check_unaffected_path,
            check_misspelt_control,
        ):
            bench.reset()
            check(tally, bench)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


class Tally:
    """Counts checks and tells of those that fail."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def equal(self, name: str, actual: object, expected: object) -> None:
        if actual == expected:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}: {actual!r}, not {expected!r}")


class Bench:
    """A directory with the compiled shim, its control and count files, and one affected and one other folder."""

    def __init__(self, directory: Path) -> None:
        self.shim = directory / "syncshim.so"
        command = [str(self.shim) if word == "syncshim.so" else word for word in COMPILE.split()]
        subprocess.run(command, cwd=SOURCE.parent, check=True)
        self.control = directory / "control"
        self.count = directory / "count"
        self.affected = directory / AFFECTED
        self.other = directory / "other"
        self.affected.mkdir()
        self.other.mkdir()

    def reset(self) -> None:
        for path in (self.control, self.count, *self.affected.iterdir(), *self.other.iterdir()):
            path.unlink(missing_ok=True)

    def set(self, word: str) -> None:
        written = self.control.with_suffix(".new")
        written.write_text(word + "\n", "utf-8")
        written.rename(self.control)

    def counted(self) -> str:
        return self.count.read_text("utf-8") if self.count.exists() else ""

    def start(self, role: str, path: Path, changes: dict[str, str | None]) -> subprocess.Popen:
        """This file in another role, under the shim; `changes` sets variables anew, or unsets them by None."""
        shim = {
            "LD_PRELOAD": str(self.shim),
            "HOOKSEAL_SYNC_PATH": AFFECTED,
            "HOOKSEAL_SYNC_CONTROL": str(self.control),
            "HOOKSEAL_SYNC_COUNT": str(self.count),
        }
        environment = {name: value for name, value in (os.environ | shim | changes).items() if value is not None}
        pipe = subprocess.PIPE
        command = [sys.executable, "-B", __file__, role, str(path)]
        return subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    def calls(self, path: Path, **changes: str | None) -> dict[str, int]:
        """What each interposed call on the file returned: 0 or the errno, and the sync's time as `elapsed_ms`."""
        process = self.start("calls", path, changes)
        output, complaints = process.communicate(timeout=PATIENCE_S)
        if process.returncode != 0:
            raise RuntimeError(f"the child ended with {process.returncode}: {complaints}")
        return json.loads(output)


# What the shim has to do


SUCCESS = {"fsync": 0, "fdatasync": 0, "write": 0, "pwrite": 0, "pwrite64": 0}


def without_time(results: dict[str, int]) -> dict[str, int]:
    return {name: result for name, result in results.items() if name != "elapsed_ms"}


def check_pass(tally: Tally, bench: Bench) -> None:
    file = bench.affected / "file"
    tally.equal("a missing control file passes", without_time(bench.calls(file)), SUCCESS)
    tally.equal("syncs are counted", bench.counted(), "..")
    tally.equal("what was written is there", file.read_bytes(), b"123")
    bench.set("pass")
    tally.equal("pass", without_time(bench.calls(file)), SUCCESS)
    tally.equal("pass is counted", bench.counted(), "....")
    bench.set("fail")
    tally.equal("no control", without_time(bench.calls(file, HOOKSEAL_SYNC_CONTROL=None)), SUCCESS)


def check_delay(tally: Tally, bench: Bench) -> None:
    bench.set(f"delay {DELAY_MS}")
    results = bench.calls(bench.affected / "file")
    tally.equal("delay succeeds", without_time(results), SUCCESS)
    tally.equal("both syncs wait", results["elapsed_ms"] >= 2 * DELAY_MS, True)
    tally.equal("delay counts", bench.counted(), "..")
    # The kernel cannot sync a FIFO: that its EINVAL arrives shows that the real call follows the delay.
    bench.set("delay 1")
    fifo = bench.affected / "fifo"
    os.mkfifo(fifo)
    results = bench.calls(fifo)
    tally.equal("fsync after the delay", results["fsync"], errno.EINVAL)
    tally.equal("fdatasync after the delay", results["fdatasync"], errno.EINVAL)


def check_fail(tally: Tally, bench: Bench) -> None:
    bench.set("fail")
    failure = SUCCESS | {"fsync": errno.EIO, "fdatasync": errno.EIO}
    tally.equal("fail", without_time(bench.calls(bench.affected / "file")), failure)
    tally.equal("fail counts", bench.counted(), "xx")


def check_full(tally: Tally, bench: Bench) -> None:
    bench.set("full")
    file = bench.affected / "file"
    failure = SUCCESS | {"write": errno.ENOSPC, "pwrite": errno.ENOSPC, "pwrite64": errno.ENOSPC}
    tally.equal("full", without_time(bench.calls(file)), failure)
    tally.equal("full writes nothing", file.read_bytes(), b"")
    fifo = bench.affected / "fifo"
    os.mkfifo(fifo)
    tally.equal("full leaves what is no regular file", bench.calls(fifo)["write"], 0)


def check_unaffected_path(tally: Tally, bench: Bench) -> None:
    for word in ("fail", "full"):
        bench.set(word)
        tally.equal(f"{word} elsewhere", without_time(bench.calls(bench.other / "file")), SUCCESS)
        for text in (None, ""):
            here = bench.calls(bench.affected / "file", HOOKSEAL_SYNC_PATH=text)
            tally.equal(f"{word} with the path {text!r}", without_time(here), SUCCESS)
    tally.equal("nothing is counted elsewhere", bench.counted(), "")


def check_misspelt_control(tally: Tally, bench: Bench) -> None:
    unknown = "the control file holds no known word"
    no_number = "the control file has a delay that is no number from 0 to 600000"
    for word, complaint in (
        ("fial", unknown),
        ("fail 5", unknown),
        ("pass or not", unknown),
        ("delay", unknown),
        ("delay soon", no_number),
        ("delay 5 s", no_number),
        ("delay -1", no_number),
        ("delay 600001", no_number),
    ):
        bench.set(word)
        process = bench.start("calls", bench.affected / "file", {})
        _, complaints = process.communicate(timeout=PATIENCE_S)
        tally.equal(f"{word!r} ends the process", process.returncode, -signal.SIGABRT)
        tally.equal(f"{word!r} is told of", complaints, f"syncshim: {complaint}\n")


def check_sqlite(tally: Tally, bench: Bench) -> None:
    """A database meets every trouble in turn, and has exactly what it acknowledged in the end."""
    path = bench.affected / "database"
    process = bench.start("sqlite", path, {})
    quick_ms = []
    for word, outcome in (
        ("pass", "committed"),
        (f"delay {DELAY_MS}", "committed"),
        ("fail", "disk I/O error"),
        ("pass", "committed"),
        ("full", "database or disk is full"),
        ("pass", "committed"),
    ):
        bench.set(word)
        before = len(bench.counted())
        answer = insert(process)
        tally.equal(f"a commit under {word}", answer["outcome"], outcome)
        synced = bench.counted()[before:]
        if word == "pass":
            quick_ms.append(answer["elapsed_ms"])
            tally.equal("a commit syncs", "." in synced, True)
        if word.startswith("delay"):
            tally.equal("a delayed commit waits", answer["elapsed_ms"] >= len(synced) * DELAY_MS > 0, True)
        if word == "fail":
            tally.equal("a failed sync is counted", "x" in synced, True)
    tally.equal("a commit without the delay is quicker", min(quick_ms) < DELAY_MS, True)
    _, complaints = process.communicate(timeout=PATIENCE_S)
    tally.equal("the child's end", (process.returncode, complaints), (0, ""))

    database = sqlite3.connect(path)
    tally.equal("acknowledged rows", database.execute("SELECT count(*) FROM event").fetchone(), (4,))
    tally.equal("integrity", database.execute("PRAGMA integrity_check").fetchone(), ("ok",))
    database.close()


def insert(process: subprocess.Popen) -> dict:
    process.stdin.write("insert\n")
    process.stdin.flush()
    return json.loads(process.stdout.readline())


# The roles that run under the shim


def sqlite_child(path: str) -> None:
    """Inserts a row, synced to the disk, for each line of standard input."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE event (id INTEGER PRIMARY KEY)")
    for _ in sys.stdin:
        started = time.monotonic()
        try:
            database.execute("INSERT INTO event DEFAULT VALUES")
            outcome = "committed"
        except sqlite3.OperationalError as error:
            outcome = str(error)
        elapsed_ms = (time.monotonic() - started) * 1000
        print(json.dumps({"outcome": outcome, "elapsed_ms": elapsed_ms}), flush=True)
    database.close()


def calls_child(path: str) -> None:
    """Makes each interposed call by its own name, which Python's own functions leave to the platform."""
    library = ctypes.CDLL(None, use_errno=True)
    for name in ("pwrite", "pwrite64"):
        getattr(library, name).argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int64]
    # A FIFO that is open for both reading and writing waits for nobody.
    file = os.open(path, os.O_RDWR | os.O_CREAT)

    def result(name: str, *arguments: object) -> int:
        return ctypes.get_errno() if getattr(library, name)(file, *arguments) < 0 else 0

    results = {
        "write": result("write", b"1", 1),
        "pwrite": result("pwrite", b"2", 1, 1),
        "pwrite64": result("pwrite64", b"3", 1, 2),
    }
    started = time.monotonic()
    results["fsync"] = result("fsync")
    results["fdatasync"] = result("fdatasync")
    results["elapsed_ms"] = int((time.monotonic() - started) * 1000)
    print(json.dumps(results))


if __name__ == "__main__":
    if sys.argv[1:2] == ["sqlite"]:
        sqlite_child(sys.argv[2])
    elif sys.argv[1:2] == ["calls"]:
        calls_child(sys.argv[2])
    else:
        sys.exit(main())
