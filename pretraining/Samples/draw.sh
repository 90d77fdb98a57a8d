#!/usr/bin/env bash
# Draws samples/generation again: installs the drawings into a temporary folder, renders and composes them.
# Needs the .NET SDK, npm and rsvg-convert (Debian: librsvg2-bin). `draw.sh SHEET.png` also writes a contact sheet.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
for tool in dotnet npm rsvg-convert; do
    command -v "$tool" >/dev/null || { echo "draw.sh needs $tool" >&2; exit 1; }
done
sheet=${1:+$(realpath -m "$1")}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet build "$here/.." -c Release --nologo -v quiet >&2
samples="dotnet $here/../bin/Release/net10.0/Cones.Pretraining.dll samples"
echo '{}' > "$work/package.json"
mapfile -t packages < <($samples packages "$here/samples.json")
(cd "$work" && npm install --ignore-scripts --no-save --no-audit --no-fund --loglevel=error "${packages[@]}") >&2
$samples draw "$here/samples.json" "$work/node_modules" "$here/../../samples/generation" ${sheet:+"$sheet"}
