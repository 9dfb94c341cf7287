"""What is fuzzed, a module for each thing."""

from collections.abc import Mapping

from tests.fuzz.target import Target
from tests.fuzz.targets.catalogue import CatalogueRows
from tests.fuzz.targets.configuration import Configuration
from tests.fuzz.targets.dtls import DtlsRecords
from tests.fuzz.targets.http import Http
from tests.fuzz.targets.link import Link
from tests.fuzz.targets.rtcp import Rtcp
from tests.fuzz.targets.saved import SavedSessions
from tests.fuzz.targets.sdp import Sdp
from tests.fuzz.targets.stun import Stun
from tests.fuzz.targets.tags import TagsAndCovers
from tests.fuzz.targets.trickle import Trickle

TARGETS: Mapping[str, type[Target]] = {
    target.name: target
    for target in (
        *(Stun, Rtcp, DtlsRecords, Sdp, Trickle, Link, Http, TagsAndCovers),
        *(SavedSessions, CatalogueRows, Configuration),
    )
}
"""Targets by name, in the order in which they are fuzzed."""
