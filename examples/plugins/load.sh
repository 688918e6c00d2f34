#!/bin/sh
# Contract lines: each line of standard output is a frame on the manifest's topic. What goes to standard error is in the log.
echo "every ${INTERVAL:-1} s" >&2
while read -r load _ </proc/loadavg; do
    echo "$load"
    sleep "${INTERVAL:-1}"
done
