"""Starts commands in turn; tells each one's processor seconds (median) and peak of memory in MB. `launch.py RUNS COMMANDS`.

A process starts its count of peak memory from the process that started it, so this one stays as small as Python can be. Time is
the processor's, user and system, so that a busy machine does not matter much.
"""

import json
import os
import subprocess
import sys


def once(command):  # type: ignore[no-untyped-def]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return (used.ru_utime + used.ru_stime, used.ru_maxrss / 1024) if not child.returncode else None


if __name__ == "__main__":
    runs, commands = int(sys.argv[1]), json.loads(sys.argv[2])
    found = [[once(command) for command in commands] for _ in range(runs)]
    told = []
    for column in zip(*found, strict=True):
        seconds = sorted(one[0] for one in column if one is not None)
        told.append([seconds[runs // 2], max(one[1] for one in column)] if len(seconds) == runs else None)
    print(json.dumps(told))
