"""One kill among many calls of Python's pools: what src/one_kill.rs says, in Python.

    mkfifo fifo; python one_kill.py executor|pool|loky|loky-resubmitting CALLS fifo
"""

import multiprocessing
import os
import signal
import sys
import time
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout

WORKERS = 4
PATIENCE_S = 5


def answer(number: int, fifo: str | None = None) -> tuple[int, int]:
    if fifo is not None:
        try:
            with open(fifo, "w") as file:
                file.write(str(os.getpid()))
            time.sleep(1)
        except FileNotFoundError:
            pass  # The worker before this one has been killed in this call.
    time.sleep(0.001)
    return number, time.monotonic_ns()


def kill_the_worker_of(fifo: str) -> int:
    with open(fifo) as file:
        pid = int(file.read())
    os.remove(fifo)
    killed = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    return killed


class MultiprocessingPool:
    """multiprocessing.Pool with the two methods of an executor that are needed here."""

    def __init__(self):
        self.pool = multiprocessing.get_context("fork").Pool(WORKERS)

    def submit(self, task, *arguments):
        result = self.pool.apply_async(task, arguments)
        result.result = result.get
        return result

    def shutdown(self):
        self.pool.terminate()


def executor():
    return ProcessPoolExecutor(WORKERS, multiprocessing.get_context("fork"))


def loky():
    # What it returns in place of a broken executor is a new one.
    from loky import get_reusable_executor

    return get_reusable_executor(WORKERS)


CONTENDERS = {"executor": executor, "pool": MultiprocessingPool, "loky": loky}


def results(futures: dict) -> tuple[dict, dict, int]:
    """When each result was found, the errors, and how many calls have neither."""
    found, errors, silent = {}, {}, 0
    for number, future in futures.items():
        try:
            found[number] = future.result(timeout=PATIENCE_S)[1]
        except BrokenExecutor as error:
            errors[number] = error
        except (FutureTimeout, multiprocessing.TimeoutError):
            silent += 1
    return found, errors, silent


def is_broken(pool) -> bool:
    try:
        pool.submit(answer, 0).result(timeout=PATIENCE_S)
        return False
    except BrokenExecutor:
        return True


def main(contender: str, calls: int, fifo: str) -> None:
    name, _, resubmitting = contender.partition("-")
    start = CONTENDERS[name]
    pool, by = start(), "same-pool"
    victim = calls * 3 // 10 + 1
    submitted = {
        number: pool.submit(answer, number, fifo if number == victim else None)
        for number in range(1, calls + 1)
    }
    found, _, _ = results({number: submitted.pop(number) for number in range(1, victim)})
    killed = kill_the_worker_of(fifo)
    later, errors, silent = results(submitted)
    found |= later

    if resubmitting:
        pool, by = start(), "new-pool"
        later, errors, silent = results({n: pool.submit(answer, n) for n in errors})
        found |= later
    elif is_broken(pool):
        pool, by = start(), "new-pool"
        later, _, _ = results({0: pool.submit(answer, 0)})

    line = f"results={len(found)} sum={sum(found)} silent={silent}"
    next_good = min((at for at in later.values() if at > killed), default=None)
    if next_good is not None:
        line += f" next_ns={next_good - killed} by={by}"
    for error in list(errors.values())[:1]:
        line += f" error={type(error).__name__}: {str(error).splitlines()[0]}"
    print(line, flush=True)
    pool.shutdown()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
