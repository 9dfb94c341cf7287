"""The whole examination of a machine, for given settings."""

import re
import socket
import sys
from collections.abc import Iterator

from rtc_drift.api.listening import certificate_of
from rtc_drift.config import ConfigError, Settings
from rtc_drift.doctor import facts, folders, network, programs, rights
from rtc_drift.doctor.finding import Finding, ok, problem
from rtc_drift.webrtc.ice_policy import ice_policy, is_loopback
from rtc_drift.webrtc.shared_port import unavailable_reason


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield one finding after the other."""
    yield from _programs()
    yield from _network(settings)
    yield rights.timeliness(real_time=facts.may_be_real_time(), niceness=facts.may_be_nice())
    yield rights.descriptors(facts.descriptor_limit())
    data_dir = settings.data_dir
    yield folders.data_folder(data_dir, facts.data_folder_failure(data_dir), facts.free_bytes(data_dir))
    found = [facts.music_folder(path) for path in settings.music]
    yield from map(folders.music_folder, found)
    yield rights.watches(sum(folder.folders for folder in found), facts.watch_limit())
    yield rights.clock(
        facts.clock_source(), is_synchronised=facts.is_synchronised(), is_in_the_past=facts.is_in_the_past()
    )


def _programs() -> Iterator[Finding]:
    yield programs.python(sys.version_info[:3])
    required = facts.requirements()
    yield programs.packages(required, facts.installed(re.split(r"[^A-Za-z0-9_.-]", each)[0] for each in required))
    yield programs.codecs(*facts.codec_names())
    yield programs.srtp(facts.srtp_failure())
    yield programs.shared_port(unavailable_reason())


def _network(settings: Settings) -> Iterator[Finding]:
    hosts = facts.host_addresses(settings.host)
    failure = facts.port_failure(socket.SOCK_STREAM, hosts, settings.port) if hosts else "--host is not known here"
    yield network.port("--port", settings.port, failure)
    if settings.tls_cert is not None:
        try:
            certificate_of(settings)
            yield ok("certificate", str(settings.tls_cert))
        except ConfigError as error:
            yield problem("certificate", str(error))
    try:
        policy = ice_policy(settings)
    except ConfigError as error:
        yield problem("addresses", str(error))
        return
    told, is_private = policy.host_addresses(), is_loopback(settings.host)
    if settings.udp_port:
        failure = facts.port_failure(socket.SOCK_DGRAM, told, settings.udp_port)
        yield network.port("--udp-port", settings.udp_port, failure)
    yield network.addresses(told, policy.advertise, is_private=is_private)
    yield network.firewall(facts.firewalls(), settings.port, settings.udp_port, is_private=is_private)
