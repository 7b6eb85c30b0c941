"""Which process goes first where all share one machine's processors.

Linux lets a process that wakes up interrupt another, unless it is of the class for batch work. What works in the
background is, and whoever waits for a page is answered between two pieces of it. Elsewhere all are alike.
Source: https://man7.org/linux/man-pages/man7/sched.7.html
"""

import os
import sys


def give_way() -> None:
    """Interrupt nobody: this process, and those that it starts from now on."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def go_first() -> None:
    """As processes usually are, whatever the one was that started this."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
