"""What a process has loaded is not looked through for garbage again; what it makes later is."""

import gc
import weakref

from bot.garbage import keep_what_is_loaded


class Knot:
    """An object that holds itself."""

    def __init__(self) -> None:
        self.end = self


def test_what_is_loaded_is_kept_and_what_comes_later_is_collected():
    keep_what_is_loaded()
    try:
        kept = gc.get_freeze_count()
        knot = weakref.ref(Knot())
        gc.collect()
        assert kept > 10_000
        assert (gc.get_freeze_count(), knot()) == (kept, None)
    finally:
        gc.unfreeze()
