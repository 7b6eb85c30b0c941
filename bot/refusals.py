"""RequestRefused: what a caller of the API can put right and a chat never meets, as a code and facts."""

from typing import ClassVar


class RequestRefused(Exception):
    """As `engine.errors.TradingError` is for both: `code` is stable, and `facts` are for whoever words it."""

    code: ClassVar[str] = "request_refused"

    def __init__(self, **facts: object) -> None:
        super().__init__(self.code, facts)
        self.facts = facts
