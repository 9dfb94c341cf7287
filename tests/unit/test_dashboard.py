"""The dashboard and the alerts ask for metrics that exist, and each alert is explained."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rtc_drift.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
ALERTS = (DOCS / "alerts.yml").read_text()
NAME = re.compile(r"\b(?:rtc_drift|process)_[a-z_]+")


def test_they_ask_for_metrics_that_exist() -> None:
    metrics = Metrics()
    metrics.dropped_datagrams.set(1, "malformed")
    metrics.sessions.labels("master").set(1)
    families = list(text_string_to_metric_families(metrics.text().decode()))
    known = {sample.name for family in families for sample in family.samples}
    dashboard = json.loads((DOCS / "grafana.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert len(dashboard["panels"]) >= 12
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    used = {name for expression in expressions for name in NAME.findall(expression)}
    used |= {name for line in ALERTS.splitlines() if "expr:" in line for name in NAME.findall(line)}
    assert len(used) > 25
    assert used <= known


def test_each_alert_is_explained() -> None:
    page = (DOCS / "operations.md").read_text()
    alerts = re.findall(r"alert: (\w+)", ALERTS)
    assert alerts
    assert [alert for alert in alerts if f"`{alert}`" not in page] == []


def test_prometheus_takes_the_alerts() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is missing: install prometheus")
    checked = subprocess.run([promtool, "check", "rules", DOCS / "alerts.yml"], capture_output=True, timeout=30)
    assert checked.returncode == 0, checked.stderr
