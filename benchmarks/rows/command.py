"""A person's command in Slack, from the signed request to the committed answer: see `benchmarks.answers`.

Light load, and then the load of the row before: 500 new alerts a second in bodies of 20.
"""

from __future__ import annotations

from benchmarks.answers import BODIES, COMMANDS, KINDS, PROMISED, set_up
from benchmarks.figures import Measure, Readings, Row, Unit, below, latency
from benchmarks.ground import Database, Ground, pid, usage

LOADED = "under load"
OPENED = 5  # incidents a second, that the load opens
FLOOR = KINDS[-1]
MEASURES = {
    (phase, kind): Measure(
        name=f"{kind}, {phase}, p99",
        unit=Unit.MILLISECONDS,
        budget=below(limit * 1000),
        new=1.0 if phase == LOADED else None,
    )
    for phase, limit in PROMISED.items()
    for kind in KINDS
    if kind != FLOOR
}


async def measure(ground: Ground) -> Readings:
    seconds = ground.scaled(10, 1)
    home = ground.own_folder("command")
    bench = await set_up(ground.stack, home, joining=BODIES // OPENED, given=ground.settings())
    found = {}
    for phase in PROMISED:
        await bench.open(seconds * COMMANDS)
        before = usage(pid(bench.service)).cpu
        took = await bench.phase(seconds, is_loaded=phase == LOADED)
        cpu = usage(pid(bench.service)).cpu - before
        for (of, kind), one in MEASURES.items():
            if of == phase:
                found[one.name] = latency(took[kind], floor=took[FLOOR], cpu=cpu)
    assert bench.refused == 0, f"{bench.refused} bodies were refused"
    return found


ROW = Row(
    name="command",
    what="a person's command, request to commit and answer",
    floor="a bare handler that verifies the signature and inserts one durable row",
    measures=tuple(MEASURES.values()),
    measure=measure,
    databases=frozenset(Database),
)
