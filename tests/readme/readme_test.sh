#!/usr/bin/env bash
# Pastes the README's first workflow into a shell: every block marked `sh` below the heading, in
# order and in one shell, against a server of its own. Only the address is another one.
set -euo pipefail

: "${MILLRACE_SOURCE_DIR:?is the repository}" "${MILLRACE_BINARY:?is the server}"
HEADING="## Your first workflow"
ADDRESS=localhost:7070
unset MILLRACE_DATABASE_URL # the server gets a cluster of its own

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

server=
# Not below the user's own temporary folder: the database's user must be able to enter it.
work=$(mktemp -d /tmp/millrace-readme.XXXXXX)
chmod 755 "$work"
finish() {
  local status=$?
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  if [ "$status" != 0 ] && [ -s "$work/log" ]; then
    printf '\nThe end of the log of the server:\n' >&2
    tail -n 30 "$work/log" >&2
  fi
  rm -rf "$work"
}
trap finish EXIT

cd "$MILLRACE_SOURCE_DIR"
[ -x node_modules/.bin/buf ] || fail "node_modules/.bin/buf is missing: ./dev setup installs it"
command -v jq >/dev/null || fail "jq is missing: ./dev setup installs it"
[ -x "$MILLRACE_BINARY" ] || fail "$MILLRACE_BINARY is missing"

# ---- What to paste -----------------------------------------------------------------------------

awk -v heading="$HEADING" '
  $0 == heading { inside = 1; next }
  /^## / && !code { inside = 0 }
  inside && $0 == "```sh" { code = 1; print "echo \"-- block " ++blocks "\""; next }
  code && $0 == "```" { code = 0; next }
  code { print }' README.md >"$work/blocks.sh"
blocks=$(grep -c '^echo "-- block ' "$work/blocks.sh" || true)
[ "$blocks" -ge 5 ] || fail "README.md has $blocks blocks to paste below '$HEADING'"
grep -qF "$ADDRESS" "$work/blocks.sh" || fail "no block calls $ADDRESS"

# ---- A server ----------------------------------------------------------------------------------

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Another program may take the port first: the server ends then, and the next port is tried.
start_server() {
  local tries
  port=$((20000 + RANDOM % 10000))
  if is_taken "$port"; then return 1; fi
  "$MILLRACE_BINARY" serve --listen="127.0.0.1:$port" --data-dir="$work/data" \
    >"$work/log" 2>&1 </dev/null &
  server=$!
  for tries in {1..600}; do
    if is_taken "$port"; then return 0; fi
    if ! kill -0 "$server" 2>/dev/null; then
      server=
      return 1
    fi
    sleep 0.1
  done
  fail "the server does not listen after $((tries / 10)) s"
}

for _ in {1..5}; do
  if start_server; then break; fi
done
[ -n "$server" ] || fail "the server has ended by itself"

# ---- Paste -------------------------------------------------------------------------------------

sed -i "s/$ADDRESS/127.0.0.1:$port/g" "$work/blocks.sh"
status=0
bash -euo pipefail "$work/blocks.sh" >"$work/output" 2>&1 </dev/null || status=$?
cat "$work/output"
[ "$status" = 0 ] || fail "the last block above ended with status $status"
grep -qE '"output": *"15"' "$work/output" || fail 'no answer has the output "15"'
grep -qF ExecutionSucceeded "$work/output" || fail "no history ends with ExecutionSucceeded"
grep -qF INVALID_FIELD "$work/output" || fail "no error shows its reason INVALID_FIELD"
echo "All $blocks blocks passed."
