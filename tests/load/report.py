"""What came of a load, for people: a few lines, and docs/LOAD.md with its picture."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes

from tests.bench import machine
from tests.load import people, population
from tests.load.population import Percentiles
from tests.load.stage import WARM_UP_SECONDS, WEB_WORKERS, Result

PICTURE = "images/load.webp"
PROVEN_USERS = 1000
SETTLED, TOLD = "order, asked to settled", "market, committed to every follower"
OWN, PUBLIC, WHOLE = "query of own data", "query of one market", "query of the whole market"
ANSWERED = "message to reply"
BOUNDS = {SETTLED: 100, TOLD: 50, OWN: 10, PUBLIC: 10, WHOLE: 10}  # In milliseconds, at p99.
INK = ("#1f6f54", "#c2571a", "#3b5b92", "#8a4f7d")


def told(result: Result) -> str:
    """A stage in a few lines."""
    lines = [f"{result.users} users, {result.shards} shard(s), {result.seconds} s"]
    lines += [f"  {name:34} {shown(found)}" for name, found in times(result).items()]
    lines.append("  " + faults(result))
    busy = ", ".join(f"{kind} {used:.2f}" for kind, used in by_use(result))
    lines.append(f"  processors: {busy}")
    lines.append(f"  memory: {total(result, 0):.0f} MiB, at the end {total(result, -1):.0f} MiB")
    return "\n".join(lines)


def times(result: Result) -> dict[str, Percentiles]:
    """Everything that was timed, by what it is called."""
    asked, nothing = result.acted.times, Percentiles(0, 0, 0, 0, 0)
    return {
        SETTLED: asked.get(people.ORDER, nothing),
        "order, asked to own socket": result.watched.orders,
        "change or cancellation": asked.get(people.CHANGE, nothing),
        TOLD: result.watched.updates,
        OWN: asked.get(people.OWN, nothing),
        PUBLIC: asked.get(people.PUBLIC, nothing),
        WHOLE: asked.get(people.WHOLE, nothing),
        "webhook answered": asked.get(people.MESSAGE, nothing),
        ANSWERED: result.answers,
    }


def shown(found: Percentiles) -> str:
    return (
        f"p50 {found.p50:7.1f}  p95 {found.p95:7.1f}  p99 {found.p99:7.1f}  longest {found.longest:7.1f} ms  "
        f"({found.count:,})"
    )


def faults(result: Result) -> str:
    wrong = ", ".join(f"{name}: {count}" for name, count in sorted(result.acted.wrong.items())) or "none"
    return (
        f"errors: {wrong}; lost or doubled orders {result.lost_orders}; unanswered messages {result.unanswered}; "
        f"sockets closed {result.watched.closed}, out of order {result.watched.out_of_order}; "
        f"not settled within 5 s {result.acted.unsettled}"
    )


def errors(result: Result) -> int:
    return (
        sum(result.acted.wrong.values())
        + result.lost_orders
        + result.unanswered
        + result.watched.closed
        + result.watched.out_of_order
    )


def by_use(result: Result) -> list[tuple[str, float]]:
    return sorted(result.used.processors.items(), key=lambda found: -found[1])


def total(result: Result, place: int) -> float:
    return sum(used[place] for kind, used in result.used.memory.items() if kind != "clients")


def grown(result: Result) -> str:
    kinds = {kind: used[-1] - used[0] for kind, used in result.used.memory.items() if kind != "clients"}
    return ", ".join(f"{kind} {more:.0f} MiB" for kind, more in sorted(kinds.items()) if more >= 1)


def write(kept: Sequence[Result], docs: Path) -> None:
    proven = next(found for found in kept if found.users == PROVEN_USERS and found.shards == 1)
    draw(kept, proven, docs / PICTURE)
    (docs / "LOAD.md").write_text("\n\n".join(document(kept, proven)) + "\n")


def document(kept: Sequence[Result], proven: Result) -> Iterator[str]:
    yield "# Load"
    yield machine.paragraph(
        "`make load` measures this and writes this page; nothing in it is typed. Measured "
        f"{datetime.now(UTC).date()} on {machine.described()}, where the clients share the processors with everything "
        "they measure."
    )
    yield machine.paragraph(f"{machine.versions(machine.PACKAGES[:8])}.")
    yield f"![What users wait, what each process costs, and memory over time]({PICTURE})"
    yield "## The bounds"
    rows = [
        (name, f"under {bound} ms", f"{found.p50:.1f} ms", f"{found.p99:.1f} ms")
        for name, bound in BOUNDS.items()
        for found in [times(proven)[name]]
    ]
    rows.append(("users at once without an error", f"{PROVEN_USERS:,}", f"{most_without_error(kept):,}", ""))
    yield table((f"{PROVEN_USERS:,} users", "bound", "p50", "p99"), rows)
    first, last = total(proven, 0), total(proven, -1)
    yield machine.paragraph(
        f"Memory of all processes but the clients, {proven.seconds} s apart, after {WARM_UP_SECONDS} s of warming up: "
        f"{first:.0f} MiB and {last:.0f} MiB. It is what each wrote and has to itself: pages of libraries are left "
        "out, which are its own or shared according to who else runs on the machine. "
        f"What grew by a mebibyte or more: {grown(proven) or 'nothing'}."
    )
    yield "## Who the users are"
    yield machine.paragraph(
        f"Of ten users {population.WATCHERS} watch a market by socket and look at market data every "
        f"{population.WATCHER_READS_EVERY_SECONDS} s, the whole market one time in {1 / population.PAGES_OPENED:.0f}; "
        f"{population.WEB_TRADERS} trade on the web, with a socket for "
        "their market and their orders, an order, a change or a cancellation every "
        f"{population.TRADER_ORDERS_EVERY_SECONDS} s and a look at what is theirs every "
        f"{population.TRADER_READS_EVERY_SECONDS} s; {population.CHAT_TRADERS} write a message every "
        f"{population.CHAT_WRITES_EVERY_SECONDS} s in one of three languages, {population.CHAT_ORDERS:.0%} of them "
        f"orders. Moments are random, and intervals are averages. There are {len(population.ASSETS)} markets, the "
        "first twice as popular as the second; about half of the orders meet another."
    )
    yield machine.paragraph(
        f"Every process of a local run takes part, with {WEB_WORKERS} web workers, and so does the double of Twilio "
        "inside them, at its cost: where they are busy, replies wait for it. Limits are lifted, as all users come from "
        "one address. A request's time runs from when it was due to its answer's reading in the client, an order's "
        "until the market has taken it; a message's until its reply is handed to Twilio's double."
    )
    yield "## How it grows"
    header = ("p50 / p99 in ms", *(f"{found.users:,} users, {shards(found)}" for found in kept))
    rows = [(name, *(brief(times(found)[name]) for found in kept)) for name in times(proven)]
    rows += [
        ("seconds measured", *(str(found.seconds) for found in kept)),
        ("sockets", *(f"{found.watched.sockets:,}" for found in kept)),
        ("socket messages a second", *(f"{found.watched.updates.count / found.seconds:,.0f}" for found in kept)),
        ("requests and messages a second", *(f"{requests(found) / found.seconds:,.1f}" for found in kept)),
        ("errors", *(str(errors(found)) for found in kept)),
        ("orders that waited over 5 s", *(str(found.acted.unsettled) for found in kept)),
        ("memory, first and last (MiB)", *(f"{total(found, 0):.0f} / {total(found, -1):.0f}" for found in kept)),
    ]
    yield table(header, rows)
    yield machine.paragraph(
        "An error is an answer of another status than should be, a request or message without any, an order that was "
        "acknowledged and is not there once, a socket that was closed, or a message out of its order."
    )
    yield "## What each process costs"
    kinds = [kind for kind, _ in by_use(max(kept, key=lambda found: found.users))]
    yield table(
        ("processors kept busy", *(f"{found.users:,} users, {shards(found)}" for found in kept)),
        [
            *((kind, *(f"{found.used.processors.get(kind, 0):.2f}" for found in kept)) for kind in kinds),
            ("together", *(f"{sum(found.used.processors.values()):.2f}" for found in kept)),
        ],
    )
    yield table(
        ("memory at the end, MiB (processes)", *(f"{found.users:,} users, {shards(found)}" for found in kept)),
        [
            (
                kind,
                *(
                    f"{found.used.memory[kind][-1]:.0f} ({found.used.processes[kind]})"
                    if kind in found.used.memory
                    else ""
                    for found in kept
                ),
            )
            for kind in kinds
        ],
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def brief(found: Percentiles) -> str:
    return f"{found.p50:,.1f} / {found.p99:,.1f}" if found.count else ""


def shards(result: Result) -> str:
    return "1 shard" if result.shards == 1 else f"{result.shards} shards"


def requests(result: Result) -> int:
    return sum(found.count for found in result.acted.times.values())


def most_without_error(kept: Sequence[Result]) -> int:
    return max((found.users for found in kept if not errors(found)), default=0)


def draw(kept: Sequence[Result], proven: Result, path: Path) -> None:
    figure, ((waits, processors), (memory, rates)) = pyplot.subplots(2, 2, figsize=(12, 8), layout="constrained")
    one = [found for found in kept if found.shards == 1]
    draw_waits(waits, one)
    draw_processors(processors, kept)
    draw_memory(memory, proven)
    draw_rates(rates, one)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def draw_waits(axes: Axes, kept: Sequence[Result]) -> None:
    """p99 by users, each beside its bound."""
    for name, ink in zip((SETTLED, TOLD, OWN, ANSWERED), INK, strict=True):
        axes.plot(
            [found.users for found in kept], [times(found)[name].p99 for found in kept], "o-", color=ink, label=name
        )
        if name in BOUNDS:
            axes.axhline(BOUNDS[name], color=ink, linestyle=":", linewidth=1)
    axes.set(xscale="log", yscale="log", title="p99, and its bound dotted", xlabel="users", ylabel="ms")
    axes.set_xticks([found.users for found in kept], [f"{found.users:,}" for found in kept], minor=False)
    axes.legend()


def draw_processors(axes: Axes, kept: Sequence[Result]) -> None:
    """Stacked for each stage."""
    labels = [f"{found.users:,}\n{shards(found)}" for found in kept]
    kinds = [kind for kind, _ in by_use(max(kept, key=lambda found: found.users))]
    bottom = [0.0] * len(kept)
    colors = matplotlib.colormaps["tab20"]
    for number, kind in enumerate(kinds):
        used = [found.used.processors.get(kind, 0) for found in kept]
        axes.bar(labels, used, bottom=bottom, label=kind, color=colors(number))
        bottom = [below + more for below, more in zip(bottom, used, strict=True)]
    axes.set(title="Processors kept busy", ylabel="processors")
    axes.legend(fontsize="small", ncols=2, loc="upper left")


def draw_memory(axes: Axes, proven: Result) -> None:
    for kind, used in sorted(proven.used.memory.items(), key=lambda found: -found[1][-1]):
        if kind != "clients":
            axes.plot(proven.used.seconds, used, label=kind)
    axes.set(title=f"Memory at {proven.users:,} users", xlabel="seconds", ylabel="MiB")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small", ncols=2)


def draw_rates(axes: Axes, kept: Sequence[Result]) -> None:
    users = [found.users for found in kept]
    drawn: tuple[tuple[str, Callable[[Result], float]], ...] = (
        ("socket messages", lambda found: found.watched.updates.count / found.seconds),
        ("requests and messages of users", lambda found: requests(found) / found.seconds),
    )
    for (name, rate), ink in zip(drawn, INK, strict=False):
        axes.plot(users, [rate(found) for found in kept], marker="o", color=ink, label=name)
    axes.set(xscale="log", yscale="log", title="Throughput", xlabel="users", ylabel="a second")
    axes.set_xticks(users, [f"{count:,}" for count in users], minor=False)
    axes.legend()
