#!/usr/bin/env bash
# Checks jaxseg on one GPU in at most 8 minutes; gpu.py says what is checked.
# Usage: experiments/speed/gpu.sh [--quick] [OUTPUT]
set -euo pipefail
exec timeout 480 python "$(dirname "$0")/gpu.py" "$@"
