"""One seed carried out: the stack is started, the plan's traders act while its faults strike, and all is checked."""

import shutil
import tempfile
import time
from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import requests
import sqlalchemy as sa
from sqlalchemy.orm import Session

from bot.clock import utc_now
from bot.instruments import Rules, list_contract
from engine.tables import instruments, traders, trades
from engine.verify import verify_database
from tests.faults import stored
from tests.faults.checker import check
from tests.faults.history import Answered, Asked, History
from tests.faults.plan import Action, Deed, Fault, Plan, Trader
from tests.faults.quiet import wait_until, wait_until_told
from tests.faults.servers import breakable_servers
from tests.faults.stack import Stack
from tests.faults.stored import Stored
from tests.faults.traders import Api, Chat, Follower, upload

ACTING_AT_ONCE = 64
FOLLOWERS = 2
SPOKEN = (("copper", "Mar26", "410"), ("cattle", "Jun26", "200"))
FOLLOWED_SECONDS_MAX = 30
HEALED_SECONDS_MAX = 120
SETTLED_SECONDS_MAX = 240
# What a request may need after everything is mended: a key whose first answer never came is free after 40 seconds.
REPEATED_SECONDS_MAX = 90


@dataclass
class Result:
    """What a seed came to; `problems` is what is wrong, in words."""

    seed: int
    problems: list[str] = field(default_factory=list)
    seconds: float = 0
    counts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        verdict = f"{len(self.problems)} PROBLEMS" if self.problems else "nothing lost, doubled or wrong"
        shown = ", ".join(f"{name} {count}" for name, count in self.counts.items())
        return f"seed {self.seed}: {verdict} in {self.seconds:.0f} s ({shown})"


def carry_out(plan: Plan, logs: Path) -> Result:
    """Start everything, let it happen, mend it, and check; whatever was logged is left in `logs`."""
    result, begun = Result(plan.seed), time.monotonic()
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "plan").write_text(str(plan))
    with tempfile.TemporaryDirectory(prefix=f"seed-{plan.seed}-") as scratch:
        directory = Path(scratch)
        # The database server may run as a user of its own, which has to reach its directory.
        directory.chmod(0o755)
        with breakable_servers(directory) as servers:
            stack = Stack(directory, servers)
            try:
                stack.wait_until_ready()
                history = Driver(stack, plan).carry_out()
                found = stored.read(stack.database)
                result.problems += check(history, found)
                (logs / "replies").write_text("\n".join(map(str, found.replies)))
                result.problems += verify_database(servers.database_url)
                result.counts = counts(plan, history, found)
            except AssertionError as problem:  # Something never came about.
                result.problems.append(str(problem))
            finally:
                result.problems += [f"{one} was left running" for one in stack.stop()]
                phone = directory / "phone" / "phone.db"
                for log in (stack.run.log, *stack.logs.values(), servers.postgres / "log", phone):
                    if log.exists():
                        shutil.copy(log, logs / log.name)
    result.seconds = time.monotonic() - begun
    return result


class Driver:
    """Has the traders act and the faults strike as planned."""

    def __init__(self, stack: Stack, plan: Plan) -> None:
        self.stack, self.plan = stack, plan
        list_spoken_contracts(stack.database)
        self.chat = Chat(stack.address, stack.twilio_address, stack.secrets, upload(stack.twilio_address))
        self.apis = {trader: Api(stack.address, trader) for trader in plan.traders if trader.number is None}
        self.followers = {trader.name: Follower(api) for trader, api in list(self.apis.items())[:FOLLOWERS]}
        # One fault at a time for each target, so that what one has broken is not mended by another.
        self.locks: dict[str, Lock] = defaultdict(Lock)

    def carry_out(self) -> History:
        """Everything that was asked, once it is answered and all is quiet again."""
        try:
            wait_until("the feed is followed", self.is_followed, FOLLOWED_SECONDS_MAX)
            history = self.act_and_break()
            self.settle(history)
        finally:
            heard = {name: follower.stop() for name, follower in self.followers.items()}
        history.heard = heard
        return history

    def act_and_break(self) -> History:
        begun = time.monotonic()
        until = begun + self.plan.seconds + REPEATED_SECONDS_MAX
        with ThreadPoolExecutor(ACTING_AT_ONCE) as acting, ThreadPoolExecutor(len(self.plan.faults)) as breaking:
            faults = [breaking.submit(self.strike, fault, begun) for fault in self.plan.faults]
            asked: list[Future[Asked]] = []
            for action in self.plan.actions:
                time.sleep(max(0.0, begun + action.at - time.monotonic()))
                asked.append(acting.submit(self.act, action, until))
            for fault in faults:
                fault.result()
            wait_until("everything is ready again", self.stack.is_ready, HEALED_SECONDS_MAX)
            return History([one.result() for one in asked])

    def act(self, action: Action, until: float) -> Asked:
        if action.trader.number is not None:
            return self.chat.act(action, until)
        return self.apis[action.trader].act(action, until)

    def strike(self, fault: Fault, begun: float) -> None:
        time.sleep(max(0.0, begun + fault.at - time.monotonic()))
        with self.locks[fault.target]:
            self.stack.strike(fault)

    def settle(self, history: History) -> None:
        """Everyone who was refused as outside the 24 hours hears the rest once they write again."""
        database = self.stack.database
        wait_until_told(database, but_for_kept=True, seconds_max=SETTLED_SECONDS_MAX)
        writers = [trader for trader in self.plan.traders if trader.number is not None]
        for place, trader in enumerate(writers):
            action = Action(at=0, trader=trader, deed=Deed.ASK, key=f"SM{place:032x}")
            history.asked.append(self.chat.act(action, time.monotonic() + HEALED_SECONDS_MAX))
        wait_until_told(database, but_for_kept=False, seconds_max=SETTLED_SECONDS_MAX)
        for trader in writers:
            history.phones.update(self.shown(trader))
        history.shown = {trader.name: api.shown() for trader, api in self.apis.items()}
        wait_until("the feed has told it all", self.has_told_followers, FOLLOWED_SECONDS_MAX)

    def shown(self, trader: Trader) -> Counter[tuple[str, str]]:
        """What stands on a trader's phone that we sent, but for what Twilio says it could not deliver."""
        query = {"numbers": trader.number}
        shown = requests.get(f"{self.stack.twilio_address}/phone/messages", params=query, timeout=60).json()["messages"]
        assert trader.number is not None
        return Counter(
            (trader.number, message["body"])
            for message in shown
            if message["direction"] == "outbound" and message["status"] != "failed"
        )

    def is_followed(self) -> bool:
        return all(follower.position is not None for follower in self.followers.values())

    def has_told_followers(self) -> bool:
        with self.stack.database.connect() as connection:
            made = {
                row.display_name: row.count
                for row in connection.execute(
                    sa.select(traders.c.display_name, sa.func.count())
                    .join(
                        trades,
                        sa.or_(trades.c.maker_trader_id == traders.c.id, trades.c.taker_trader_id == traders.c.id),
                    )
                    .group_by(traders.c.display_name)
                )
            }
        return all(follower.heard.total() >= made.get(name, 0) for name, follower in self.followers.items())


def list_spoken_contracts(database: sa.Engine) -> None:
    """What the voice notes ask for, whose months may be over by now."""
    rules = {"tick_size": "0.01", "max_quantity": "1000", "max_notional": "", "band_percent": "", "last_trading_on": ""}
    with Session(database) as session, session.begin():
        for asset, contract, price in SPOKEN:
            if (asset, contract) not in session.execute(sa.select(instruments.c.asset, instruments.c.contract)).all():
                list_contract(session, asset, contract, Rules(reference_price=price, **rules), utc_now())


def counts(plan: Plan, history: History, found: Stored) -> dict[str, int]:
    """What a run was made of."""
    answered = Counter(asked.answered for asked in history.asked)
    deeds = {asked.action.key: asked.action.deed for asked in history.asked}
    sids = {message.id: deeds.get(message.sid) for message in found.messages}
    return {
        "messages": len(found.messages),
        "requests": sum(asked.action.trader.number is None for asked in history.asked),
        "attempts": sum(asked.attempts for asked in history.asked),
        **{str(state): answered[state] for state in Answered},
        "orders": len(found.orders),
        "spoken": sum(
            command.kind == "place" and sids.get(int(command.request_key.split(":")[1])) == Deed.YES
            for command in found.commands
            if command.source == "chat"
        ),
        "trades": len(found.trades),
        "replies": len(found.replies),
        "faults": len(plan.faults),
    }
