"""`rtc-drift doctor`: says what this machine lacks to serve well, one line for each thing."""

import json
from dataclasses import asdict

from rtc_drift.config import Settings
from rtc_drift.doctor.examination import examine


def doctor(settings: Settings, *, as_json: bool) -> int:
    """Print all findings. Returns the exit code: 1 if something will not work."""
    findings = list(examine(settings))
    is_well = all(finding.level != "problem" for finding in findings)
    if as_json:
        print(json.dumps({"ok": is_well, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False))
        return int(not is_well)
    for finding in findings:
        print(f"{finding.level:8} {finding.subject}: {finding.text}")
    return int(not is_well)
