#!/usr/bin/env bash
# Makes the text-to-image model and its CLIP from scratch: tokenizer, then autoencoder and CLIP side by side, latents, UNet.
#   text-to-image.sh [DATA [RUNS]]      defaults: artifacts/pretraining/data and artifacts/pretraining/runs
# Stop it with Ctrl-C or SIGTERM; started again it goes on where it was, exactly. Numbers of a stage instead of the recipe's:
# VAE_OPTIONS, CLIP_OPTIONS, UNET_OPTIONS (e.g. "--steps 5000 --threads 2"). PRETRAINING names a built program to run.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
data=${1:-$here/../artifacts/pretraining/data}
runs=${2:-$here/../artifacts/pretraining/runs}
program=${PRETRAINING:-$here/bin/Release/net10.0/Cones.Pretraining.dll}
[ -n "${PRETRAINING:-}" ] || dotnet build "$here" -c Release --nologo -v quiet >&2 || exit 1
mkdir -p "$runs"
children=()
trap 'for c in "${children[@]}"; do kill -TERM "$c" 2>/dev/null; done' TERM INT
start() { nice -n 19 dotnet "$program" "$@" --data "$data" --runs "$runs" & children+=($!); }
# `wait` returns early at a signal; the children then stop by themselves and their status counts.
finish() {
    local status=0 child
    for child in "${children[@]}"; do
        while kill -0 "$child" 2>/dev/null; do wait "$child" 2>/dev/null; done
        wait "$child" || status=$?
    done
    children=()
    [ "$status" = 0 ] || { echo "text-to-image.sh: stopped; start it again to go on" >&2; exit "$status"; }
}
start tokenizer; finish
# One thread each: two runs of one thread share two cores better than one run of two.
start vae --threads 1 ${VAE_OPTIONS:-}; start clip --threads 1 ${CLIP_OPTIONS:-}; finish
start latents --threads 1; finish
start unet ${UNET_OPTIONS:-}; finish
