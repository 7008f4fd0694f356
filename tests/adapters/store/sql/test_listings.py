from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, insert, text

from croupier.adapters.store import codec
from croupier.adapters.store.sql import SqlStore, listings
from croupier.adapters.store.sql.tables import rollouts
from croupier.core.rollout.machine import replay
from croupier.core.rollout.phase import Phase

ENDED = 10_000


async def test_ended_rollouts_cost_the_active_ones_nothing(store: SqlStore, story: Any) -> None:
    """Not by time, which proves nothing: by the plan, which must go through the index of active rollouts."""
    await store.commit(story.beginning("payments-0"))
    ended = replace(replay([story.created("old-0")]), phase=Phase.SUCCEEDED, ended_at=5.0)

    def fill(connection: Connection) -> None:
        row = {
            "service": "old",
            "phase": "succeeded",
            "active": False,
            "version": 1,
            "state": codec.STATE.encode(ended),
        }
        rows = [{**row, "id": f"old-{number}", "created_at": float(number)} for number in range(ENDED)]
        connection.execute(insert(rollouts), rows)
        connection.execute(text("ANALYZE"))

    def plan(connection: Connection, wanted: Select[Any]) -> str:
        query = str(wanted.compile(connection, compile_kwargs={"literal_binds": True}))
        explain = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
        return "\n".join(str(row) for row in connection.execute(text(f"{explain} {query}")))

    await store._database.write(fill)
    assert [item.value.id for item in await store.active()] == ["payments-0"]
    held = [phase for phase in Phase if phase.active]
    assert [item.value.id for item in (await store.rollouts(phases=held)).items] == ["payments-0"]
    for query in (listings.active_rollouts(), listings.chosen_rollouts(None, held).limit(51)):
        found = await store._database.read(partial(plan, wanted=query))
        assert "rollouts_active" in found
        assert "SCAN rollouts" not in found
        assert "Seq Scan" not in found
