#!/usr/bin/env bash
# Prepares the pretraining data: `prepare-data.sh [FOLDER]` (default artifacts/pretraining/data) leaves FOLDER/icons.safetensors
# (0.4 GB): the 6,006 drawings of emoji/index.json at 128 px. Takes a few minutes; what exists already is not made again.
# Needs the .NET SDK, npm and rsvg-convert (Debian: librsvg2-bin). Installs nothing outside FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
missing=0
need() { command -v "$1" >/dev/null || { echo "prepare-data.sh needs $1: install $2" >&2; missing=1; }; }
need dotnet "the .NET SDK 10"
need npm "Node.js with npm (Debian: npm)"
need rsvg-convert "librsvg2-bin (Debian: apt install librsvg2-bin)"
[ "$missing" = 0 ] || exit 1
data=$(realpath -m "${1:-$here/../artifacts/pretraining/data}")
if [ -f "$data/icons.safetensors" ]; then echo "$data/icons.safetensors exists"; exit 0; fi
mkdir -p "$data/work"
dotnet build "$here" -c Release --nologo -v quiet >&2
pretraining="dotnet $here/bin/Release/net10.0/Cones.Pretraining.dll"
if [ ! -d "$data/work/node_modules" ]; then
    echo '{}' > "$data/work/package.json"
    mapfile -t packages < <($pretraining data packages)
    (cd "$data/work" && npm install --ignore-scripts --no-save --no-audit --no-fund --loglevel=error "${packages[@]}") >&2
fi
$pretraining data svg "$data/work/node_modules" "$data/work/svg"
# One process a drawing, as many at once as there are cores; a drawing appears under its name when it is whole.
(cd "$data/work/svg" && find . -name '*.svg' | sort) | xargs -P "$(nproc)" -I{} bash -c '
    png=$1/png/${2%.svg}.png
    [ -f "$png" ] && exit 0
    mkdir -p "$(dirname "$png")"
    rsvg-convert --width 128 --height 128 --output "$png.part" "$1/svg/$2" && mv "$png.part" "$png"' render "$data/work" {}
$pretraining data pack "$data/work/node_modules" "$data/work/png" "$data"
echo "$data/icons.safetensors written; $data/work can be removed"
