"""Findings: what is well, what could be better, and what will not work, each with what to do."""

from pathlib import Path

import pytest

from rtc_drift.doctor import folders, network, programs, rights
from rtc_drift.doctor.finding import Finding
from rtc_drift.doctor.folders import MusicFolder

MUSIC, GB = Path("/music"), 1 << 30
NEEDED = ["av>=18.1", "numpy>=1.25", 'pytest>=8; extra == "dev"']


@pytest.mark.parametrize(
    ("finding", "level", "said"),
    [
        (programs.python((3, 11, 7)), "ok", "3.11.7"),
        (programs.python((3, 10, 0)), "problem", "install Python 3.11"),
        (programs.packages(NEEDED, {"av": "18.1.0", "numpy": "2.0.0rc1"}), "ok", "2 of 2"),
        (programs.packages(NEEDED, {"av": "9.2.0", "numpy": "2.0"}), "problem", "av 9.2.0 is older than 18.1"),
        (programs.packages(NEEDED, {"av": None, "numpy": "2.0"}), "problem", "av is missing"),
        (programs.codecs(programs.DECODERS, programs.ENCODERS), "ok", "opus"),
        (programs.codecs(programs.DECODERS - {"mp3"}, programs.ENCODERS), "hint", "can't decode mp3"),
        (programs.codecs(programs.DECODERS, []), "problem", "can't encode flac, libopus"),
        (programs.srtp(None), "ok", "encrypts"),
        (programs.srtp("no library"), "problem", "no library"),
        (programs.shared_port(None), "ok", "share"),
        (programs.shared_port("no sendmmsg"), "hint", "no sendmmsg"),
        (network.port("--port", 8080, None), "ok", "free"),
        (network.port("--port", 8080, "Address already in use"), "problem", "another with --port"),
        (network.addresses(["127.0.0.1"], None, is_private=True), "hint", "--host 0.0.0.0"),
        (network.addresses(["127.0.0.1"], None, is_private=False), "problem", "--ice-address"),
        (network.addresses([], None, is_private=False), "problem", "--ice-address"),
        (network.addresses(["192.168.1.2"], None, is_private=False), "ok", "--advertise is needed"),
        (network.addresses(["192.168.1.2"], "8.8.8.8", is_private=False), "ok", "Listeners are told 8.8.8.8"),
        (network.firewall([], 8080, 8189, is_private=False), "ok", "none"),
        (network.firewall(["ufw"], 8080, 8189, is_private=True), "ok", "none"),
        (network.firewall(["ufw"], 8080, 8189, is_private=False), "hint", "ufw allow 8080/tcp && ufw allow 8189/udp"),
        (network.firewall(["firewalld"], 80, 0, is_private=False), "hint", "all UDP ports"),
        (rights.timeliness(real_time=True, niceness=True), "ok", "real-time thread"),
        (rights.timeliness(real_time=False, niceness=True), "hint", "LimitRTPRIO=5"),
        (rights.timeliness(real_time=False, niceness=False), "hint", "stutter"),
        (rights.descriptors(None), "ok", "no limit"),
        (rights.descriptors(1_024), "hint", "LimitNOFILE"),
        (rights.descriptors(64), "problem", "LimitNOFILE"),
        (rights.watches(10, None), "ok", "10 folders"),
        (rights.watches(10, 8_192), "ok", "8192 watches"),
        (rights.watches(8_000, 8_192), "hint", "sysctl fs.inotify.max_user_watches=65536"),
        (rights.watches(90_000, 8_192), "hint", "max_user_watches=262144"),
        (rights.clock("tsc", is_synchronised=None, is_in_the_past=False), "ok", "tsc"),
        (rights.clock("hpet", is_synchronised=True, is_in_the_past=False), "hint", "hpet"),
        (rights.clock("tsc", is_synchronised=False, is_in_the_past=False), "hint", "timedatectl"),
        (rights.clock("tsc", is_synchronised=True, is_in_the_past=True), "problem", "set the clock"),
        (folders.data_folder(MUSIC, None, 5 * GB), "ok", "5.0 GB"),
        (folders.data_folder(MUSIC, None, GB // 2), "hint", "little room"),
        (folders.data_folder(MUSIC, None, 0), "problem", "--data-dir"),
        (folders.data_folder(MUSIC, "Read-only file system", GB), "problem", "Read-only"),
        (folders.music_folder(MusicFolder(MUSIC, None, 7, 0, True)), "ok", "7 folders"),
        (folders.music_folder(MusicFolder(MUSIC, "Permission denied")), "problem", "Permission denied"),
        (folders.music_folder(MusicFolder(MUSIC, None, 7, 2, True)), "hint", "2 of 7 folders"),
        (folders.music_folder(MusicFolder(MUSIC, None, 7, 0, False)), "hint", "no music"),
    ],
)
def test_each_finding_says_what_is_the_case_or_what_to_do(finding: Finding, level: str, said: str) -> None:
    assert finding.level == level, finding
    assert said in finding.text
    assert "\n" not in finding.subject + finding.text
