"""Our own mistakes, as Python tells of them: what may be contained so that one does not stop a market."""

import msgspec

# What Python raises where our own code is wrong about what it works on. A lost connection, a job's timeout, the end of
# memory or of the process are none of these.
DEFECTS: tuple[type[Exception], ...] = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
    msgspec.MsgspecError,
)
