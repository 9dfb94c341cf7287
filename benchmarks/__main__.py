"""`python -m benchmarks [NAME…]`: run all benches, or those named, and print each figure as a JSON line."""

from benchmarks import chromium, cost, hearing, mixing, navigating, sessions, startup
from benchmarks.runner import main

BENCHES = {
    "session": cost.session_alone,
    "listeners": cost.fifty_listeners,
    "punctuality": cost.busy_control,
    "sessions": sessions.many_sessions,
    "idle": sessions.idle_sessions,
    "create": sessions.create_to_first_packet,
    "events": sessions.many_events,
    "startup": startup.startup_and_memory,
    "hearing": hearing.hearing,
    "mixing": mixing.mixing,
    "navigating": navigating.navigating,
    "chromium": chromium.page_listens,
}


if __name__ == "__main__":
    main(BENCHES, "python -m benchmarks", __doc__)
