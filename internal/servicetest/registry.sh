#!/usr/bin/env bash
# A schema registry on loopback, for tests: Apicurio Registry, by its interface of Confluent's. It is empty, and has
# BACKWARD as the compatibility of subjects that say nothing else, as Confluent's has.
#
#   registry.sh up        start it; print the URL for clients of Confluent's registry
#   registry.sh kill      end it with SIGKILL
#   registry.sh start     start it again, on its data
#   registry.sh down      end it and delete its data
#
# REGISTRY_PORT    the port (default 18081)
# REGISTRY_DIR     where program and data lie (default: .kafka in the root of the repository)
# REGISTRY_OWNER   a process: once it has ended, however it ended, so does the registry that `up` started
#
# Needs Linux, Java 17 or newer, curl, and Maven, which resolves the program once (110 MB).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
port=${REGISTRY_PORT:-18081}
dir=${REGISTRY_DIR:-$here/../../.kafka}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
program=$dir/registry-$(cksum <"$here/registry.pom.xml" | cut -d' ' -f1) # another pom, another directory
run=$dir/registry-$port
url=http://127.0.0.1:$port/apis/ccompat/v7

fail() { echo "registry.sh: $*" >&2; exit 1; }

resolve() {
  if [[ -d $program ]]; then return; fi
  command -v java >/dev/null || fail "Java 17 or newer is needed"
  command -v mvn >/dev/null || fail "Maven is needed to resolve the registry"
  (
    flock 9 # Maven's own cache bears one writer
    if [[ -d $program ]]; then exit; fi
    rm -rf "$program.part"
    mvn -q -B -f "$here/registry.pom.xml" dependency:copy -DoutputDirectory="$program.part" >&2
    tar xzf "$program.part"/*.tar.gz -C "$program.part"
    rm "$program.part"/*.tar.gz
    mv "$program.part" "$program"
  ) 9>"$dir/lock"
}

# A process id outlives its process in a file, and may have become another's.
alive() {
  local pid
  pid=$(cat "$run/pid" 2>/dev/null) && [[ $(ps -o args= -p "$pid") == *@(apicurio-registry|registry.sh)* ]]
}

answers() { curl -sf -m 5 -o /dev/null "$url/subjects"; }

start() {
  if alive; then fail "it runs already"; fi
  (cd "$run" && exec setsid java -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
    -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$port" -Dquarkus.http.access-log.enabled=false \
    -Dapicurio.datasource.url="jdbc:h2:file:$run/data" -Dapicurio.datasource.jdbc.initial-size=2 \
    -Dapicurio.datasource.jdbc.min-size=2 -Dapicurio.datasource.jdbc.max-size=20 \
    -Dapicurio.ccompat.use-canonical-hash=true -jar "$program"/apicurio-registry-app-*-runner.jar \
    </dev/null >>log 2>&1) &
  echo $! >"$run/pid"
  for _ in $(seq 480); do
    if answers; then return; fi
    alive || fail "it died; see $run/log"
    sleep 0.25
  done
  fail "it does not answer after 120 s; see $run/log"
}

end() {
  alive || return 0
  local pid
  pid=$(cat "$run/pid")
  kill -KILL "$pid"
  for _ in $(seq 100); do
    if [[ -z $(ps -o stat= -p "$pid" | grep -v '^Z$') ]]; then return; fi
    sleep 0.1
  done
  fail "it has not ended after 10 s"
}

up() {
  resolve
  [[ ! -e $run ]] || fail "there is one on port $port already: registry.sh down"
  mkdir -p "$run"
  if [[ -n ${REGISTRY_OWNER:-} ]]; then
    echo "$REGISTRY_OWNER" >"$run/owner"
    setsid "$self" outlive "$REGISTRY_OWNER" </dev/null >/dev/null 2>&1 &
  fi
  start
  curl -sf -m 20 -o /dev/null -X PUT -H 'Content-Type: application/json' -d '{"compatibility":"BACKWARD"}' "$url/config"
  echo "$url"
}

down() {
  end
  rm -rf "$run"
}

# Ends the registry after its owner, unless somebody did before.
outlive() { # owner
  while kill -0 "$1" 2>/dev/null; do
    sleep 0.5
    [[ $(cat "$run/owner" 2>/dev/null) == "$1" ]] || return 0
  done
  down
}

case ${1:-} in
up) up ;;
kill) end ;;
start) start ;;
down) down ;;
outlive) outlive "$2" ;;
*)
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
