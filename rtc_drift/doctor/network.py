"""Judges ports, the addresses that listeners will be told, and firewalls."""

import ipaddress
from collections.abc import Sequence

from rtc_drift.doctor.finding import Finding, hint, ok, problem


def port(option: str, number: int, failure: str | None) -> Finding:
    """Judge whether a port can be bound, from what went wrong when it was tried."""
    subject = f"{option} {number}"
    if failure is not None:
        return problem(subject, f"It can't be used ({failure}): end what uses it, or choose another with {option}.")
    return ok(subject, "free")


def addresses(found: Sequence[str], advertise: str | None, *, is_private: bool) -> Finding:
    """Judge the addresses in answers to listeners; `is_private` if the server binds loopback only."""
    told = [advertise] if advertise is not None else list(found)
    if not told:
        return problem("addresses", "This machine has no address for WebRTC: name one with --ice-address.")
    shown = ", ".join(told)
    if is_private and all(ipaddress.ip_address(address).is_loopback for address in told):
        return hint("addresses", f"Only this machine can listen ({shown}): for others add --host 0.0.0.0.")
    if not is_private and all(ipaddress.ip_address(address).is_loopback for address in told):
        return problem(
            "addresses", f"Other machines can open the page but hear nothing ({shown}): change --ice-address."
        )
    if any(ipaddress.ip_address(address).is_global for address in told):
        return ok("addresses", f"Listeners are told {shown}")
    return ok("addresses", f"Listeners are told {shown}; from outside of this network, --advertise is needed")


def firewall(names: Sequence[str], tcp: int, udp: int, *, is_private: bool) -> Finding:
    """Judge firewalls that are active, by the names of their commands."""
    if is_private or not names:
        return ok("firewall", "none found that stands in the way")
    ports = f"TCP {tcp}" + (f" and UDP {udp}" if udp else " and all UDP ports")
    commands = {
        "ufw": f"ufw allow {tcp}/tcp" + (f" && ufw allow {udp}/udp" if udp else ""),
        "firewalld": f"firewall-cmd --add-port={tcp}/tcp" + (f" --add-port={udp}/udp" if udp else "") + " --permanent",
    }
    advice = next((f" ({commands[name]})" for name in names if name in commands), "")
    return hint("firewall", f"{', '.join(names)} is active: {ports} must be open{advice}.")
