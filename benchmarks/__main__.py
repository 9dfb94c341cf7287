"""Run all benches, or those named, and print each figure as a JSON line: `python -m benchmarks [NAME…]`."""

from benchmarks import analysis, chromium, faults, first_minutes, mixing, selection, sessions, startup, station_cost
from benchmarks.large.bench import large
from benchmarks.runner import main

BENCHES = {
    "session": station_cost.session_alone,
    "listeners": station_cost.fifty_listeners,
    "punctuality": station_cost.busy_control,
    "sessions": sessions.many_sessions,
    "sessions-aiortc": sessions.stock_listeners,
    "idle": sessions.idle_sessions,
    "create": sessions.create_to_first_packet,
    "events": sessions.many_events,
    "startup": startup.startup_and_memory,
    "hearing": analysis.analysis,
    "mixing": mixing.mixing,
    "navigating": selection.selection,
    "large": large,
    "faults": faults.faults,
    "chromium": chromium.page_listens,
    "first-minutes": first_minutes.first_minutes,
}


if __name__ == "__main__":
    main(BENCHES, "python -m benchmarks", __doc__)
