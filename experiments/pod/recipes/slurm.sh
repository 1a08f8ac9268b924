#!/bin/bash
# Trains on GPU hosts under Slurm, one process for each GPU, until the run has ended.
#
#     sbatch experiments/pod/recipes/slurm.sh CONFIG.py --workdir /share/run [OPTIONS]
#
# Slurm sends SIGTERM to the processes 180 seconds before the time limit; they save a
# checkpoint and end with status 143. The job then puts itself back into the queue. It
# does so as well if a process was lost. A job that is preempted is put back by Slurm.
#SBATCH --job-name=jaxseg
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=8
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=12
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=TERM@180
set -u

MOST_RESTARTS=${MOST_RESTARTS:-50}
export JAXSEG_DATA_DIR=${JAXSEG_DATA_DIR:-/share/prepared}

srun --kill-on-bad-exit=1 jaxseg train "$@" --distributed
status=$?

case $status in
0)
    echo "slurm.sh: the run has ended"
    ;;
5 | 134 | 137 | 139 | 143) # stopped, killed, or another process was lost
    if [ "${SLURM_RESTART_COUNT:-0}" -ge "$MOST_RESTARTS" ]; then
        echo "slurm.sh: status $status after $MOST_RESTARTS restarts; not started again"
        exit "$status"
    fi
    echo "slurm.sh: status $status; the job goes back into the queue"
    scontrol requeue "$SLURM_JOB_ID"
    ;;
*)
    echo "slurm.sh: status $status needs a correction; not started again"
    ;;
esac
exit "$status"
