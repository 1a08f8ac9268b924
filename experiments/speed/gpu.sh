#!/usr/bin/env bash
# Checks jaxseg on one GPU in at most 8 minutes; gpu.py says what is checked.
# Usage: experiments/speed/gpu.sh [--quick] [OUTPUT]
set -euo pipefail
limit=480
[[ " $* " == *" --quick "* ]] && limit=3600  # CPUs can be slow or busy.
exec timeout "$limit" python "$(dirname "$0")/gpu.py" "$@"
