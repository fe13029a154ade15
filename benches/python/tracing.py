"""Who says what, when, and with how much memory: the lines of the programs here.

The notes traced memory in every process, and the listings do. So that both sides
of a comparison do the same work, these programs print the lines that the listings
print, with the same two views: what the allocator handed out, and what the system
says in smaps_rollup.
"""

import multiprocessing
import time
import tracemalloc

previous_line = time.perf_counter()


def start() -> None:
    """Begins to count allocations: the main process first of all, a worker as its
    initializer."""
    tracemalloc.start()


def memory() -> str:
    current, peak = tracemalloc.get_traced_memory()
    with open("/proc/self/smaps_rollup") as rollup:
        fields = dict(line.split(":", 1) for line in rollup if "kB" in line)
    system = {
        what: int(fields[name].split()[0]) // 1024
        for what, name in [("PSS", "Pss"), ("private dirty", "Private_Dirty"), ("resident", "Rss")]
    }
    return (
        f"Memory usage: {current >> 20} MB; peak: {peak >> 20} MB; "
        + ", ".join(f"{what} {size} MB" for what, size in system.items())
    )


def trace(message: str) -> None:
    global previous_line
    now = time.perf_counter()
    name = multiprocessing.current_process().name
    name = f"{name:<16}" if name == "MainProcess" else f"{name:>16}"
    # The line and its end in one piece: print would hand them over separately.
    print(f"{name} [{now - previous_line:5.2f}s] {message}\n", end="", flush=True)
    previous_line = now


def report(total_time_s: float, total: float) -> None:
    """The last lines of a program: its memory, its time and its sum, which is an exact
    integer, since every value is 0, 1 or NaN."""
    trace(memory())
    print(f"total_time_s={total_time_s:.6f} total_sum={int(total)}")
