#!/usr/bin/env bash
# The demo behind `./dev demo`: starts a server where none runs yet, and runs two workflows with
# the calls of the README. `demo.sh stop` ends the server. The binary must have been built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

EXAMPLES=docs/examples
BINARY=$PWD/build/release/millrace
STATE=$PWD/build/demo # the server's pid, address and log
PROJECT=projects/demo # so that the README's own names stay free

die() {
  printf 'demo: %s\n' "$*" >&2
  exit 1
}
heading() { printf '\n== %s\n' "$*"; }

# ---- The server --------------------------------------------------------------------------------

# Is the demo's server running? Sets `pid` and `address`.
find_server() {
  [ -s "$STATE/pid" ] && [ -s "$STATE/address" ] || return 1
  pid=$(cat "$STATE/pid")
  address=$(cat "$STATE/address")
  # The id may have gone to another process since.
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$BINARY serve --listen=$address "
}

stop_server() {
  kill -TERM "$pid" 2>/dev/null || true
  local tries
  for tries in {1..150}; do
    if ! kill -0 "$pid" 2>/dev/null; then
      rm -f "$STATE/pid" "$STATE/address"
      return 0
    fi
    sleep 0.1
  done
  die "process $pid has not ended within $((tries / 10)) s"
}

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_port() {
  local port
  for port in {7070..7099}; do
    if ! is_taken "$port"; then
      echo "$port"
      return
    fi
  done
  die "the ports 7070 to 7099 are all taken"
}

# PostgreSQL refuses to run as root, so that under root another user must be able to enter the
# folder; one below /root is closed to all.
data_folder() {
  local user=postgres
  getent passwd "$user" >/dev/null || user=nobody
  if [ "$(id -u)" != 0 ] || setpriv --reuid="$user" --clear-groups test -x "$PWD/build"; then
    echo "$PWD/build/demo-data"
  else
    echo "/var/tmp/millrace-demo-data"
  fi
}

start_server() {
  local port data_dir tries
  port=$(free_port)
  data_dir=$(data_folder)
  address=127.0.0.1:$port
  mkdir -p "$STATE"
  setsid "$BINARY" serve --listen="$address" --data-dir="$data_dir" \
    >"$STATE/log" 2>&1 </dev/null &
  pid=$!
  echo "$pid" >"$STATE/pid"
  echo "$address" >"$STATE/address"
  for tries in {1..600}; do
    if is_taken "$port"; then return; fi
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 20 "$STATE/log" >&2
      die "the server has ended; its whole log is $STATE/log"
    fi
    sleep 0.1
  done
  die "the server does not listen after $((tries / 10)) s; its log is $STATE/log"
}

# ---- Calls -------------------------------------------------------------------------------------

# call METHOD: the request is standard input, the answer standard output.
call() {
  buf curl --protocol grpc --http2-prior-knowledge -d @- "http://$address/millrace.v1.$1"
}

# As call(), but "there is one already" is no failure: returns 1 then.
call_to_create() {
  local problem
  if problem=$(call "$1" 2>&1 >/dev/null); then return 0; fi
  [[ $problem == *already_exists* ]] || die "$1: $problem"
  return 1
}

# create_function ID FILE: what an earlier demo left makes room for the file as it is now.
create_function() {
  local request
  request=$(jq -n --arg id "$1" --rawfile source "$2" --arg parent "$PROJECT" \
    '{$parent, functionId: $id, function: {handler: "index.main_handler", $source}}')
  if ! call_to_create FunctionService/CreateFunction <<<"$request"; then
    call FunctionService/DeleteFunction <<<"{\"name\": \"$PROJECT/functions/$1\"}" >/dev/null
    call FunctionService/CreateFunction <<<"$request" >/dev/null
  fi
  echo "function $1: $2"
}

# create_workflow ID FILE: a new workflow, or a new revision of the one there is.
create_workflow() {
  local request
  request=$(jq -n --arg id "$1" --rawfile definition "$2" --arg parent "$PROJECT" \
    '{$parent, workflowId: $id, workflow: {$definition}}')
  if ! call_to_create WorkflowService/CreateWorkflow <<<"$request"; then
    jq --arg name "$PROJECT/workflows/$1" '{workflow: (.workflow + {$name})}' <<<"$request" |
      call WorkflowService/UpdateWorkflow >/dev/null
  fi
  echo "workflow $1: $2"
}

# run_workflow ID INPUT: prints what came of it, and its history as a table.
run_workflow() {
  local execution name
  echo "input: $(jq -c . <<<"$2")"
  execution=$(jq -n --arg parent "$PROJECT/workflows/$1" --arg input "$2" '{$parent, $input}' |
    call ExecutionService/RunExecution)
  name=$(jq -r .name <<<"$execution")
  jq -r 'if .output then "output: \(.output)" else "\(.state): \(.error) \(.cause)" end' <<<"$execution"
  printf '\nThe history of %s:\n\n' "$name"
  jq -n --arg name "$name" '{$name, pageSize: 1000}' |
    call ExecutionService/GetExecutionHistory | print_history
  [ "$(jq -r .state <<<"$execution")" = SUCCEEDED ] || die "the execution did not succeed"
}

# A table of GetExecutionHistory's answer: the time is in seconds since the start.
print_history() {
  jq -r '
    def seconds: (.[0:19] + "Z" | fromdate) + ((.[19:] | rtrimstr("Z") | select(. != "") // "0") | tonumber);
    (.events[0].eventTime | seconds) as $start |
    .events[] | [
      .eventId, (.previousEventId // 0), (.eventTime | seconds - $start), .type, (.stateName // "-"),
      (.output // .parameters // .input // ([.error, .cause] | map(select(. != null)) | join(" ")))
      | if type == "string" then gsub("\\s+"; " ") else . end
    ] | map(tostring) | join("\u001f")' |
    awk -F '\037' '
      BEGIN { format = "%4s %4s %7s  %-24s %-14s %s\n"
              printf format, "id", "prev", "time", "type", "state", "data" }
      { data = length($6) > 60 ? substr($6, 1, 57) "..." : $6
        printf format, $1, $2, sprintf("%.3f", $3), $4, $5, data }'
}

# ---- The demo ----------------------------------------------------------------------------------

if [ "${1:-}" = stop ]; then
  find_server || die "no demo server is running"
  stop_server
  echo "The server at $address has been stopped; what it keeps is still there."
  exit
fi

[ -x "$BINARY" ] || die "there is no $BINARY: ./dev build makes it"
if find_server && [ "$BINARY" -nt "$STATE/pid" ]; then
  stop_server # it runs what was built before
fi
find_server || start_server
heading "A server at $address"

heading "A workflow that adds up numbers"
create_function sum "$EXAMPLES/sum.py"
create_workflow sum "$EXAMPLES/sum.asl.json"
run_workflow sum '{"values": [1, 2, 3, 4, 5]}'

heading "An order: checked, paid, packed with a flaky scale, picked up"
for function in order_validate order_pay order_reserve order_pack; do
  create_function "$function" "$EXAMPLES/order/$function.py"
done
create_workflow order "$EXAMPLES/order.asl.json"
run_workflow order "$(cat "$EXAMPLES/order.input.json")"

heading "The server goes on"
cat <<TEXT
address   $address
process   $pid
log       $STATE/log
to stop   ./dev demo stop

All it can do:

  export PATH="\$PWD/node_modules/.bin:\$PATH"
  buf curl --protocol grpc --http2-prior-knowledge --list-methods http://$address
TEXT
