"""What the processes of a load use: processor time and memory, by kind."""

import time
from collections import Counter, defaultdict
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import msgspec
import psutil

SAMPLE_SECONDS = 5
MIB = 1 << 20
SHELLS = ("sh -c", "/bin/sh -c")
# What tells a process by its command line, the first that is found.
KINDS = {
    "gunicorn": "web",
    "bot.worker chat": "chat",
    "bot.worker engine": "engine",
    "bot.worker outbound": "outbound",
    "bot.worker pictures": "pictures",
    "bot.worker voice": "voice",
    "bot.sweep": "sweep",
    "postgres": "PostgreSQL",
    "valkey": "Valkey",
    "tests.load.watching": "clients",
    "tests.load.people": "clients",
}


class Used(msgspec.Struct, frozen=True):
    """Of each kind: how many processes, how many processors they kept busy, and what memory they wrote, in MiB."""

    processes: dict[str, int]
    processors: dict[str, float]
    seconds: list[float]
    memory: dict[str, list[float]]


class Watch:
    """Looks at every process of the run now and then, from when it is made to `end`."""

    def __init__(self, directory: Path) -> None:
        self._directory = str(directory)
        self._begun = time.monotonic()
        # By process, what it had used before, and at the last look: some end meanwhile, and others begin.
        self._before: dict[psutil.Process, float] = {}
        self._used: dict[psutil.Process, float] = {}
        self._kinds: dict[psutil.Process, str] = {}
        self._seconds: list[float] = []
        self._memory: defaultdict[str, list[float]] = defaultdict(list)
        self._look()
        self._before |= self._used
        self._ended = Event()
        self._thread = Thread(target=self._watch)
        self._thread.start()

    def end(self) -> Used:
        self._ended.set()
        self._thread.join()
        self._look()
        processors: Counter[str] = Counter()
        for process, seconds in self._used.items():
            processors[self._kinds[process]] += (seconds - self._before.get(process, 0)) / self._seconds[-1]
        return Used(
            processes=dict(Counter(self._kinds[process] for process in self._used if process.is_running())),
            processors=dict(processors),
            seconds=self._seconds,
            memory=dict(self._memory),
        )

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._look()

    def _look(self) -> None:
        memory: Counter[str] = Counter()
        for process in self._ours():
            with suppress(psutil.NoSuchProcess), process.oneshot():
                line = " ".join(process.cmdline())
                kind = next((kind for sign, kind in KINDS.items() if sign in line), None)
                if kind is None or line.startswith(SHELLS):
                    continue
                times = process.cpu_times()
                memory[kind] += written(process)
                self._kinds[process], self._used[process] = kind, times.user + times.system
        self._seconds.append(time.monotonic() - self._begun)
        for kind, used in memory.items():
            self._memory[kind].append(used / MIB)

    def _ours(self) -> set[psutil.Process]:
        """Every descendant of this process, and of the database server, which is none."""
        family = set(psutil.Process().children(recursive=True))
        for process in psutil.process_iter():
            with suppress(psutil.NoSuchProcess):
                if any(self._directory in part for part in process.cmdline()):
                    family |= {process, *process.children(recursive=True)}
        return family


def written(process: psutil.Process) -> int:
    """The bytes of memory that a process wrote and has to itself.

    Not what it maps of files: a page of a library is its own or shared according to who else runs on the machine.
    """
    counted = {"Private_Dirty", "Private_Hugetlb", "Swap"}
    try:
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise psutil.NoSuchProcess(process.pid) from error
    fields = (line.split() for line in lines[1:])
    return sum(int(size) * 1024 for name, size, *_ in fields if name.rstrip(":") in counted)
