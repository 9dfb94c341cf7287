"""Judges what the system lets this process do: be on time, and have enough descriptors and watches."""

from rtc_drift.doctor.finding import Finding, hint, ok, problem

LISTENER_DESCRIPTORS = 4_096
"""Descriptors with which two thousand listeners and their event streams have room."""
LEAST_DESCRIPTORS = 256
SLOW_CLOCKS = ("hpet", "acpi_pm", "jiffies")


def timeliness(*, real_time: bool, niceness: bool) -> Finding:
    """Judge whether the engine may have priority over everything else."""
    if real_time:
        return ok("real-time rights", "the engine may be a real-time thread")
    advice = "allow it with LimitRTPRIO=5 in the systemd unit, or in /etc/security/limits.conf"
    if niceness:
        return hint("real-time rights", f"The engine gets niceness −11 only: {advice}.")
    return hint("real-time rights", f"On a busy machine the sound may stutter: {advice}.")


def descriptors(hard_limit: int | None) -> Finding:
    """Judge the greatest number of descriptors; None stands for no limit."""
    if hard_limit is None or hard_limit >= LISTENER_DESCRIPTORS:
        return ok("descriptors", "no limit" if hard_limit is None else f"{hard_limit}")
    text = f"{hard_limit} are few for many listeners: raise LimitNOFILE of the systemd unit, or `ulimit -Hn`."
    return problem("descriptors", text) if hard_limit < LEAST_DESCRIPTORS else hint("descriptors", text)


def watches(folders: int, limit: int | None) -> Finding:
    """Judge whether all folders of music can be watched; None if the system has no such limit."""
    if limit is None or folders < limit * 0.8:
        return ok("watching folders", f"{folders} folders" + ("" if limit is None else f", {limit} watches"))
    setting = max(65_536, 1 << (folders * 2).bit_length())
    advice = f"sysctl fs.inotify.max_user_watches={setting}"
    return hint("watching folders", f"{folders} folders need more than {limit} watches: {advice}.")


def clock(source: str | None, *, is_synchronised: bool | None, is_in_the_past: bool) -> Finding:
    """Judge the clock: the system's source, and whether the time of the day is right."""
    if is_in_the_past:
        return problem("clock", "The time of the day is earlier than the installation of rtc-drift: set the clock.")
    if source in SLOW_CLOCKS:
        return hint("clock", f"Its source {source} is slow to read: where it can be had, use tsc or kvm-clock.")
    if is_synchronised is False:
        return hint("clock", "It is not synchronised yet: see `timedatectl`.")
    return ok("clock", source or "monotonic")
