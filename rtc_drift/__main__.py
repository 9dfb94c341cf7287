"""Run the command `rtc-drift` as `python -m rtc_drift`."""

from rtc_drift.cli.main import main

main()
