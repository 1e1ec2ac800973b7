#!/bin/bash
# Compares the benchmark's ratios of an earlier version with those of this one, measured in turns on one machine:
#
#   scripts/bench/between.sh REF [TIMES [FLAG...]]     (4 times each, with the flags of bench: -quick by default)
#
# A ratio is worse when even the best of this version is worse than the worst of the earlier one; then the exit status is 1. Of
# ratios that have not changed, chance alone makes one in 70 worse at 4 times. The working tree is measured as it is.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ $# -ge 1 ] || { echo "usage: scripts/bench/between.sh REF [TIMES [FLAG...]]" >&2; exit 2; }
ref=$(git rev-parse --verify --quiet "$1^{commit}") || { echo "there is no commit $1" >&2; exit 2; }
times=${2:-4}
flags=("${@:3}")
[ ${#flags[@]} -gt 0 ] || flags=(-quick)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
git archive "$ref" | tar -x -C "$work/source"
(cd "$work/source" && go build -o "$work/before" ./scripts/bench)
go build -o "$work/after" ./scripts/bench

for turn in $(seq "$times"); do
  versions="before after"
  [ $((turn % 2)) = 1 ] || versions="after before" # neither is always the first
  for version in $versions; do
    echo "$version, $turn of $times" >&2
    dir=.; [ "$version" = after ] || dir=$work/source # bench builds the office of the folder that it runs in
    (cd "$dir" && "$work/$version" "${flags[@]}") >"$work/report" || { cat "$work/report" >&2; exit 1; }
    sed -n 's/^{"goal":"\([^"]*\)","ratio":\([^,]*\),.*"target":[^,]*,.*/\1\t\2\t&/p' "$work/report" | sed "s/^/$version\t/" >>"$work/ratios"
  done
done

# Fields: version, goal, ratio, the line of JSON, which says whether the ratio is to be at most its target.
awk -F'\t' '
  { key = $1 FS $2; goals[$2] = 1; n[key]++; atMost[$2] = $4 ~ /"at_most":true/
    if (n[key] == 1 || $3 < low[key]) low[key] = $3
    if (n[key] == 1 || $3 > high[key]) high[key] = $3 }
  END {
    for (g in goals) {
      b = "before" FS g; a = "after" FS g
      if (!n[b] || !n[a]) { printf "%s: measured by one version alone\n", g; continue }
      worse = atMost[g] ? low[a] > high[b] : high[a] < low[b]
      printf "%s: %.3g to %.3g before, %.3g to %.3g now%s\n", g, low[b], high[b], low[a], high[a], worse ? ": WORSE" : ""
      if (worse) failed = 1
    }
    exit failed
  }' "$work/ratios" | sort
