"""What a forked child of Python copies although it only reads.

    python reading_writes.py COUNT

An object of CPython begins with the number of references to it. To take a reference, as a loop
does, changes that number, and so writes to its page; immortal objects, such as None, are exempt
(PEP 683). The garbage collector keeps its own marks in front of lists and other containers, and
writes them at a full collection.
"""

import array
import gc
import os
import platform
import sys


def private_dirty_kib() -> int:
    with open("/proc/self/smaps_rollup") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_Dirty:"))


def in_child(what: str, work) -> None:
    """Forks a child that does the work, and prints what it then has of its own."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        before = private_dirty_kib()
        work()
        copied = (private_dirty_kib() - before) / 1024
        print(f"{what:<50} copied {copied:6.1f} MiB", flush=True)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"error: the child that does {what!r} has failed")


def main(count: int) -> None:
    # Collections come when they are asked for, here and in each child.
    gc.disable()
    floats = [float(number) for number in range(count)]
    numbers = array.array("d", floats)
    lists = [[] for _ in range(count)]

    object_mib = count * sys.getsizeof(1.5) / 2**20
    array_mib = numbers.buffer_info()[1] * numbers.itemsize / 2**20
    print(f"Python {platform.python_version()}: {count} numbers as objects in a list, or in an array")
    print(f"objects {object_mib:.1f} MiB, array {array_mib:.1f} MiB")

    in_child("an array, every number read", lambda: sum(numbers))
    in_child("a list, every object read", lambda: sum(floats))
    in_child("a list of lists, not touched", lambda: None)
    in_child("a list of lists, not touched, one collection", gc.collect)
    gc.freeze()
    in_child("the same after gc.freeze() in the parent", gc.collect)
    in_child("a list, every object read, after gc.freeze()", lambda: sum(floats))


if __name__ == "__main__":
    main(int(sys.argv[1]))
