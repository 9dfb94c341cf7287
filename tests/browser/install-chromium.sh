#!/bin/sh
# Chromium for the browser tests: Debian's package, where we may install it. Never fails: without it those tests are skipped, loudly.
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing Chromium for the browser tests (Debian package chromium)"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } >/dev/null && exit 0
fi
echo "NO CHROMIUM: the browser tests will be skipped; install chromium to run them" >&2
exit 0
