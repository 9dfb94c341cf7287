"""What changes and goes wrong: sessions made and ended, files harmed, the clock of the day, deaths of processes."""

import asyncio
import contextlib
import os
import signal
import time
from random import Random

from benchmarks.soak.world import Action, World
from tests.support.waiting import until

SHIFTS_SECONDS = (0, 3600, -3600, 86_400, -86_400, 40 * 86_400, -300)
"""Seconds by which the clock of the day is ahead: summer time, a wrong battery clock, a certificate's life."""
MOST_PASSING = 6
WORKER_TRIES, WORKER_SECONDS = 10, 2.0
"""Time to wait for a worker after a file has changed, and how often that is tried."""
BACK_SECONDS = 10.0
"""Time for a process to be replaced."""
CONTROL_DOWN_SECONDS = 1.0


async def make_room(world: World, random: Random) -> None:
    """Create a named session, which visitors will find."""
    if len(world.passing) < MOST_PASSING:
        world.rooms_made += 1
        name = f"room-{world.rooms_made}"
        options = {"seed": random.getrandbits(16), "locked": random.random() < 0.2}
        status, _ = await world.answers.send("POST", "/api/session/create", {"sessionName": name, "options": options})
        if status == 201:
            world.passing.append(name)
            await world.visitors()


async def follow(world: World, random: Random) -> None:
    """Create a follower of any session."""
    if len(world.passing) < MOST_PASSING:
        leader = random.choice([*world.leaders, *world.followers, *world.passing])
        status, made = await world.answers.send("POST", "/api/session/follow", {"sessionName": leader})
        if status == 201:
            world.passing.append(made["sessionId"])
            await world.visitors()


async def end_room(world: World, random: Random) -> None:
    """End a session that was made on the way, with all who listen."""
    if world.passing:
        name = world.passing.pop(random.randrange(len(world.passing)))
        await world.visitors()
        await world.answers.send("DELETE", f"/api/session/{name}")


async def damage_playing(world: World, random: Random) -> None:
    """Damage the file that a session plays."""
    info = await world.answers.get(f"/api/session/info?sessionId={random.choice(world.leaders)}")
    playing = info and info["nowPlaying"]
    name = world.music.name_of(playing["track"]["title"]) if playing else None
    if name is not None and world.music.any_intact(random) is not None:
        world.note(f"file damaged: {name}, on the air")
        world.music.damage(name, random)


async def damage(world: World, random: Random) -> None:
    """Damage any file."""
    if (name := world.music.any_intact(random)) is not None:
        world.note(f"file damaged: {name}")
        world.music.damage(name, random)


async def delete(world: World, random: Random) -> None:
    """Delete any file."""
    if (name := world.music.any_intact(random)) is not None:
        world.note(f"file deleted: {name}")
        world.music.delete(name)


async def put_back(world: World, random: Random) -> None:
    """Put a file back, or replace one by itself."""
    world.note(f"file put back: {world.music.put_back(random)}")


async def shift_clock(world: World, random: Random) -> None:
    """Set the server's clock of the day."""
    if world.clock is not None:
        shift = random.choice(SHIFTS_SECONDS)
        world.note(f"clock shifted: {shift} s")
        world.clock.shift(shift)


async def end_process(world: World, random: Random, role: str, number: signal.Signals) -> None:
    """Kill or stop a process of the server, and wait until it is replaced."""
    if role == "worker":
        await _wait_for_worker(world, random)
    pids = world.server.pids(role)
    if not pids:
        world.log(f"no {role} to kill")
        return
    pid = random.choice(pids)
    event = world.note(f"{role} {'killed' if number == signal.SIGKILL else 'hung'}")
    os.kill(pid, number)
    world.kills[role] += 1
    if role == "worker":
        # Its file counts as the cause until it changes.
        await asyncio.sleep(2)
        world.music.put_back_all(random)
        return
    await until(lambda: world.server.pids(role) not in ([], [pid]), BACK_SECONDS)
    event.over = time.time()


async def _wait_for_worker(world: World, random: Random) -> None:
    """Give the workers something to do until there is one."""
    for _ in range(WORKER_TRIES):
        await put_back(world, random)
        with contextlib.suppress(TimeoutError):
            await until(lambda: bool(world.server.pids("worker")), WORKER_SECONDS)
            return


async def kill_control(world: World, random: Random) -> None:
    """Kill control, and start it again a second later, as a service manager would."""
    await world.note_restarts()
    event = world.note("control killed")
    await world.server.kill()
    await world.population.events_dropped()
    await asyncio.sleep(CONTROL_DOWN_SECONDS)
    await world.server.start()
    await world.answers.until_ready()
    event.over = time.time()


def _ending(role: str, number: signal.Signals) -> Action:
    return lambda world, random: end_process(world, random, role, number)


DISTURBANCE_ACTIONS: dict[str, Action] = {
    "make room": make_room,
    "follow": follow,
    "end room": end_room,
    "damage playing": damage_playing,
    "damage": damage,
    "delete": delete,
    "put back": put_back,
    "shift clock": shift_clock,
    "kill control": kill_control,
    **{f"kill {role}": _ending(role, signal.SIGKILL) for role in ("engine", "decoder", "worker")},
    **{f"stop {role}": _ending(role, signal.SIGSTOP) for role in ("engine", "decoder")},
}
