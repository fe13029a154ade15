"""The sum in one process.

    python sequential.py FILE
"""

import sys
import time

import numpy as np

import tracing


def main(file: str) -> None:
    records = np.load(file).view(np.recarray)

    start = time.perf_counter()
    total = np.nansum(records.val)
    total_time_s = time.perf_counter() - start

    tracing.report(total_time_s, total)


if __name__ == "__main__":
    tracing.start()
    main(sys.argv[1])
