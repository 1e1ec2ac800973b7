#!/bin/bash
# Runs an earlier version of the office beside this one, on the same databases and one broker, and sells at both, as an upgrade
# does that replaces the processes one by one:
#
#   scripts/drill/upgrade/run.sh [REF]      (REF is the last tag by default; PORT_BASE=PORT says which ports)
#
# It is done in both orders. First the earlier version runs, and this one joins it and stays. Then this one runs, and the
# earlier joins: where the schema has gone on since, it has to refuse to start and say so. Every sale is checked by
# scripts/load, and all of them by the doctor.
set -euo pipefail
cd "$(dirname "$0")/../../.."
ref=${1:-$(git describe --tags --abbrev=0 2>/dev/null || true)}
if [ -z "$ref" ]; then
  echo "NOT RUN: the upgrade, for want of a tag: name a version, scripts/drill/upgrade/run.sh REF" >&2
  exit 0
fi
git rev-parse --verify --quiet "$ref^{commit}" >/dev/null || { echo "NOT RUN: the upgrade, since this clone does not have $ref" >&2; exit 0; }

# taken BASE: names the first of this drill's five ports at which somebody listens, and fails when they are all free.
taken() {
  local offset
  for offset in 0 10 11 20 21; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$(($1 + offset))") 2>/dev/null; then
      echo "$(($1 + offset))"
      return 0
    fi
  done
  return 1
}

port=${PORT_BASE:-24300}
if [ -n "${PORT_BASE:-}" ]; then
  if at=$(taken "$port"); then
    echo "port $at is taken: choose another PORT_BASE; the ports are this one and those 10, 11, 20 and 21 above it" >&2
    exit 1
  fi
else
  while taken "$port" >/dev/null; do
    port=$((port + 30))
    [ "$port" -lt 32700 ] || { echo "no five free ports between 24300 and 32700: choose them with PORT_BASE" >&2; exit 1; }
  done
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/boxoffice-upgrade.XXXXXX")
seconds=${SECONDS_OF_SALE:-8}
pids=()
end() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  rm -rf "$work"
}
trap end EXIT

mkdir "$work/source"
git archive "$ref" | tar -x -C "$work/source"
(cd "$work/source" && go build -o "$work/old" .)
go build -o "$work/new" .
go build -o "$work/load" ./scripts/load

export BOXOFFICE_JWT_SECRET=upgrade-upgrade-upgrade-upgrade-upgrade
BOXOFFICE_WEBHOOK_SECRET=whsec_$(printf '%s' "$BOXOFFICE_JWT_SECRET" | base64 -w 0)
BOXOFFICE_TICKET_KEY=$(head -c 32 /dev/zero | tr '\0' k | base64 -w 0)
export BOXOFFICE_WEBHOOK_SECRET BOXOFFICE_TICKET_KEY
export BOXOFFICE_NAMESRV=127.0.0.1:$port BOXOFFICE_LOG_LEVEL=warn BOXOFFICE_ROLES=api,order,stock,tickets BOXOFFICE_NOTIFY_CHANNELS=sms

listening() { # PORT
  for _ in $(seq 600); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    sleep 0.1
  done
  echo "nobody listens on port $1" >&2
  return 1
}

# start VERSION: its shop is on port + 10, or 20 for this version. It returns when it is ready, or with 1 when it has ended.
start() {
  local at=$((port + 10)) log=$dir/$1.log
  [ "$1" = new ] && at=$((port + 20))
  BOXOFFICE_LISTEN=127.0.0.1:$at BOXOFFICE_ADMIN_LISTEN=127.0.0.1:$((at + 1)) "$work/$1" >>"$log" 2>&1 &
  pid[$1]=$!
  pids+=($!)
  for _ in $(seq 600); do
    "$work/new" health -admin-listen "127.0.0.1:$((at + 1))" >/dev/null 2>&1 && return 0
    kill -0 "${pid[$1]}" 2>/dev/null || return 1
    sleep 0.1
  done
  echo "$1 was not ready after a minute" >&2
  cat "$log" >&2
  exit 1
}

stop() {
  kill "${pid[$1]}"
  wait "${pid[$1]}"
}

# sell VERSION...: a sale at each of them at the same time.
sell() {
  local version sales=() failed=0
  for version in "$@"; do
    local at=$((port + 10))
    [ "$version" = new ] && at=$((port + 20))
    "$work/load" -shop "http://127.0.0.1:$at" -buyers 32 -rate 60 -for "${seconds}s" -pay 0.7 -tickets 400 -settle 60s \
      -jwt-secret-env BOXOFFICE_JWT_SECRET -webhook-secret-env BOXOFFICE_WEBHOOK_SECRET >"$dir/sale-$version" 2>&1 &
    sales+=($!)
  done
  for version in "$@"; do
    if ! wait "${sales[0]}"; then
      echo "the sale at the $version version:" >&2
      cat "$dir/sale-$version" "$dir"/*.log >&2
      failed=1
    fi
    sales=("${sales[@]:1}")
  done
  [ $failed = 0 ] || exit 1
  echo "  sold at: $*"
}

# doctor VERSION: fails when services and queue disagree on anything.
doctor() {
  if ! "$work/$1" doctor >"$dir/doctor"; then
    cat "$dir/doctor" >&2
    exit 1
  fi
  echo "  the doctor: $(tail -n 1 "$dir/doctor")"
}

# begin FIRST: new databases, and a broker of the version that runs first.
begin() {
  dir=$work/$1-first
  mkdir "$dir"
  export BOXOFFICE_DATA_DIR=$dir
  for base in stock order tickets notify; do export "BOXOFFICE_${base^^}_DSN=sqlite:$dir/$base.db"; done
  env -u BOXOFFICE_NAMESRV "$work/$1" broker -listen "127.0.0.1:$port" -data "$dir/broker" >"$dir/broker.log" 2>&1 &
  pid[broker]=$!
  pids+=($!)
  listening "$port"
  start "$1" || { cat "$dir/$1.log" >&2; exit 1; }
  sell "$1"
}

declare -A pid
echo "$ref runs, and this version joins it:"
begin old
start new || { cat "$dir/new.log" >&2; exit 1; }
sell old new
stop old
sell new
doctor new
stop new
stop broker

echo "this version runs, and $ref joins it:"
begin new
if start old; then
  sell new old
  stop new
  sell old
  doctor old
  stop old
elif grep -q "schema that this program does not know" "$dir/old.log"; then
  echo "  it refuses to start, as it should: the schema has gone on since"
  sell new
  doctor new
  stop new
else
  cat "$dir/old.log" >&2
  exit 1
fi
stop broker
echo "both have sold on one broker and the same databases, and nothing was lost"
