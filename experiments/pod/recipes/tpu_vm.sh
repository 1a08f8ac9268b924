#!/bin/bash
# Trains on one host of a TPU slice until the run has ended; start it on every host.
#
#     gcloud compute tpus tpu-vm ssh NODE --worker=all --command \
#         'nohup jaxseg/experiments/pod/recipes/tpu_vm.sh CONFIG.py \
#          --workdir /mnt/share/run > train.log 2>&1 &'
#
# The command is started again if it was killed, or if another host was lost. SIGTERM to
# this script stops the training, which saves a checkpoint, and does not start it again.
set -u

PAUSE=${PAUSE:-10} # seconds
child=
asked=

stop() {
    asked=yes
    [ -n "$child" ] && kill -TERM "$child"
}
trap stop TERM INT

while :; do
    jaxseg train "$@" --distributed &
    child=$!
    [ -n "$asked" ] && stop # the signal came before the number of the child was known
    wait "$child"
    status=$?
    # A signal interrupts `wait`; the training saves its checkpoint before it ends.
    while kill -0 "$child" 2>/dev/null; do
        wait "$child"
        status=$?
    done
    [ -n "$asked" ] && exit "$status"
    case $status in
    5 | 134 | 137 | 139 | 143)
        sleep "$PAUSE"
        [ -n "$asked" ] && exit "$status" ;;
    *) exit "$status" ;;
    esac
done
