#!/usr/bin/env bash
# Everything about speed that a machine with one GPU can tell, in under ten minutes:
# operators first (which forms hit a slow path), then networks in bfloat16.
# Usage: experiments/speed/gpu.sh [OUTPUT]      run again to go on where it stopped
set -euo pipefail
out="${1:-experiments/speed/gpu}"
jaxseg bench --device gpu --parts ops --budget 4 --output "$out"
jaxseg bench --device gpu --parts models --torch-compile --budget 5.5 --output "$out"
