from croupier.adapters.store.sql import SqlStore, samples
from croupier.control.ports import Sample


def sample(rollout: str, at: float) -> Sample:
    return Sample(rollout, "deposits", "1.1.0", True, at, 1, 2)


async def test_the_table_is_bounded_and_forgets_the_oldest(store: SqlStore) -> None:
    for at in range(50):
        new = [sample("payments-1", float(at)), sample("payments-2", float(at))]
        await store._database.write(lambda connection, new=new: samples.add(connection, new, keep=20))  # type: ignore[misc]
    assert [item.at for item in await store.samples("payments-1")] == [float(at) for at in range(40, 50)]
    assert [item.at for item in await store.samples("payments-2")] == [float(at) for at in range(40, 50)]


async def test_a_reader_gets_the_newest_so_many(store: SqlStore) -> None:
    await store.add_samples([sample("payments-1", float(at)) for at in range(samples.MOST_READ + 5)])
    read = await store.samples("payments-1")
    assert len(read) == samples.MOST_READ
    assert (read[0].at, read[-1].at) == (5.0, float(samples.MOST_READ + 4))
