"""What people do: commands, and the requests that a page makes."""

import asyncio
from random import Random
from typing import Any

from benchmarks.soak.world import Action, World

SEARCHES = ("a", "night", "rain", "the", "zzz", "")
LOOKS = (
    *("/api/session/list", "/api/map", "/api/library", "/api/directions", "/healthz", "/readyz", "/", "/metrics"),
    *("/session/kitchen", "/session/kitchen/qr.svg", "/api/session/info?sessionId=nobody"),
)


async def command(world: World, session: str, name: str, body: dict[str, Any] | None = None) -> None:
    """Send a command to a session."""
    await world.answers.send("POST", f"/session/{session}/{name}", body or {})


async def any_track(world: World, random: Random) -> dict[str, Any] | None:
    """Return any track of the library."""
    found = await world.answers.get("/api/tracks?limit=50")
    return random.choice(found["tracks"]) if found and found["tracks"] else None


async def next_track(world: World, random: Random) -> None:
    """Cross over into another track on the next bar, at times a named one, at times one in a direction."""
    body: dict[str, Any] = {}
    if random.random() < 0.4 and (track := await any_track(world, random)):
        body["trackId"] = track["id"]
    await command(world, random.choice(world.leaders), "next-track", body)


async def next_track_now(world: World, random: Random) -> None:
    """Cross over at once, up to four times in a row."""
    session = random.choice(world.leaders)
    for _ in range(random.randint(1, 4)):
        await command(world, session, "next-track", {"when": "now"})
        await asyncio.sleep(random.choice((0.0, 0.05, 0.3)))


async def direction(world: World, random: Random) -> None:
    """Steer in any direction, or no more."""
    found = await world.answers.get("/api/directions")
    names = [it["direction"] for it in found["directions"]] if found else []
    await command(world, random.choice(world.leaders), "direction", {"direction": random.choice([*names, None])})


async def queue(world: World, random: Random) -> None:
    """Queue a track."""
    if track := await any_track(world, random):
        await command(world, random.choice(world.leaders), "queue", {"trackId": track["id"]})


async def seek(world: World, random: Random) -> None:
    """Seek to any position, at times beyond the end."""
    body = {"positionSeconds": random.choice((0.0, random.uniform(0, 60), random.uniform(0, 60), 1e5))}
    await command(world, random.choice(world.leaders), "seek", body)


async def previous(world: World, random: Random) -> None:
    """Go back to the track before."""
    await command(world, random.choice(world.leaders), "previous")


async def pause(world: World, random: Random) -> None:
    """Pause, and resume a few seconds later."""
    session = random.choice(world.leaders)
    await command(world, session, "pause")
    try:
        await asyncio.sleep(random.uniform(0.5, 6))
    finally:
        await command(world, session, "resume")


async def love(world: World, random: Random) -> None:
    """Love a track, or no longer."""
    if track := await any_track(world, random):
        body = {"trackId": track["id"], "value": random.random() < 0.5}
        await command(world, random.choice(world.leaders), "love", body)


async def reset_drift(world: World, random: Random) -> None:
    """Forget the direction and what was played."""
    await command(world, random.choice(world.leaders), "reset-drift")


async def look(world: World, random: Random) -> None:
    """Request what a page shows, at times what doesn't exist, and send what a follower may not."""
    session = random.choice([*world.leaders, *world.followers, *world.passing])
    track = await any_track(world, random) or {"id": "0"}
    paths = (
        *LOOKS,
        *(f"/api/session/info?sessionId={session}", f"/api/explorer?sessionId={session}"),
        *(f"/api/tracks?q={random.choice(SEARCHES)}", f"/api/tracks/{track['id']}", f"/api/tracks/{track['id']}/cover"),
    )
    await world.answers.send("GET", random.choice(paths))
    if random.random() < 0.1 and world.followers:
        await command(world, random.choice(world.followers), "next-track")


COMMAND_ACTIONS: dict[str, Action] = {
    "next track": next_track,
    "next track now": next_track_now,
    "direction": direction,
    "queue": queue,
    "seek": seek,
    "previous": previous,
    "pause": pause,
    "love": love,
    "reset drift": reset_drift,
    "look": look,
}
