"""Ends a process that is not wanted any more: SIGTERM, time to finish, SIGKILL. Called by the supervisor, one task
each.

Every step is recorded before it is taken, so a control plane that is started in the middle goes on from there.
"""

from contextlib import suppress
from dataclasses import replace

import structlog

from croupier.adapters.workloads.process import log
from croupier.adapters.workloads.process.identity import ended, kill_group, left_behind, sweep, terminate
from croupier.adapters.workloads.process.instance import World
from croupier.adapters.workloads.process.record import Record, forget, save

_log = structlog.get_logger(__name__)


def begin_drain(record: Record, world: World) -> Record:
    """Record that the process is to end, then ask it to. Harmless when it was asked before."""
    if record.drain_until is None:
        record = replace(record, drain_until=world.clock.now() + record.template.drain_s)
        _note(record, world)
    if not record.signalled:
        # Told before it is done: whoever reads the log finds each process that was ever asked to end.
        _log.info(
            "instance_draining",
            service=record.key.service,
            version=record.key.version,
            instance=record.instance,
            pid=record.mark.pid,
            seconds=record.template.drain_s,
        )
        terminate(record.mark)
        record = replace(record, signalled=True)
        _note(record, world)
    return record


def _note(record: Record, world: World) -> None:
    try:
        save(world.home.records, record)
    except OSError as error:  # a full disk must not keep a version running that should go
        _log.warning("process_record_unwritten", record=record.name, error=str(error))


async def finish_drain(record: Record, world: World) -> None:
    """Wait until it has ended, by force once its time is over."""
    # A clock that was set between two control planes must not make anybody wait longer than the template says.
    left_s = min(record.template.drain_s, (record.drain_until or 0.0) - world.clock.now())
    deadline = world.clock.now() + left_s
    path = world.home.log(record.key, record.instance)
    killed = False
    while (over := ended(record.mark)) is None:
        if not killed and world.clock.now() >= deadline:
            kill_group(record.mark)
            killed = True
        with suppress(OSError):
            log.trim(path, world.settings.log_bytes)
        await world.clock.sleep(world.settings.tick_s)
    # A leader that did not pass the signal on (a shell): what it left gets the rest of the time.
    for left in left_behind(record.mark):
        terminate(left)
    while left_behind(record.mark) and world.clock.now() < deadline:
        await world.clock.sleep(world.settings.tick_s)
    swept = sweep(record.mark)
    forget(world.home.records, record)
    world.ports.give_back(record.port)
    with suppress(OSError):
        log.prune(world.home.logs, world.settings.log_files)
    _log.info(
        "instance_drained",
        service=record.key.service,
        version=record.key.version,
        instance=record.instance,
        outcome=str(over),
        forced=killed or swept > 0,
    )
