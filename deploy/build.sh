#!/bin/sh
# Installs rtc-drift from this checkout into a new virtual environment, and tries it:
#     deploy/build.sh [FOLDER]      (/opt/rtc-drift; PYTHON=python3.12 chooses the interpreter)
# The Dockerfile does the same. No rights are needed but to write to the folder.
set -eu
target=${1:-/opt/rtc-drift}
source=$(cd "$(dirname "$0")/.." && pwd)
"${PYTHON:-python3}" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "rtc-drift needs Python 3.11 or newer (PYTHON=python3.12 $0 …)" >&2
    exit 1
}
"${PYTHON:-python3}" -m venv "$target"
"$target/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check "$source"

# Not in the checkout: what was installed has to do without it.
cd "$target"
bin/rtc-drift --version
bin/python -P -c 'from rtc_drift.app import frontend_folder as f; import sys; sys.exit(not (f() / "index.html").is_file())' || {
    echo "The page is not in the package." >&2
    exit 1
}
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT
bin/rtc-drift doctor --port 0 --udp-port 0 --data-dir "$trial/data"
