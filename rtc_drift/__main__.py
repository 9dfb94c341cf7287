"""`python -m rtc_drift`: the same as the command `rtc-drift`."""

from rtc_drift.cli.main import main

main()
