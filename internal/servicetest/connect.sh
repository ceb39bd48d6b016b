#!/usr/bin/env bash
# A worker of Kafka Connect on loopback, with Debezium's connector for PostgreSQL, for tests.
#
#   connect.sh up      start it; print the URL of its REST interface
#   connect.sh kill    end it with SIGKILL
#   connect.sh start   start it again: what it knows is in Kafka
#   connect.sh down    end it
#
# CONNECT_BOOTSTRAP  the address of a broker
# CONNECT_PORT       the port of the REST interface (default 18083), which names the worker's group and topics, too
# CONNECT_DIR        where jars and the log lie (default: .kafka/connect in the root of the repository)
# CONNECT_OWNER      a process: once it has ended, however it ended, so does the worker that `up` started
#
# Needs Java 17 or newer, Maven, which resolves the jars once, and curl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
source "$here/java.sh"
port=${CONNECT_PORT:-18083}
dir=${CONNECT_DIR:-$here/../../.kafka/connect}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
run=$dir/$port
url=http://127.0.0.1:$port

write_settings() {
  cat >"$run/worker.properties" <<END
bootstrap.servers=$CONNECT_BOOTSTRAP
group.id=connect-$port
listeners=$url
config.storage.topic=connect-$port-configs
offset.storage.topic=connect-$port-offsets
status.storage.topic=connect-$port-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
# A worker that is killed produces nothing twice.
exactly.once.source.support=enabled
# And is back soon.
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=2000
rebalance.timeout.ms=6000
END
}

ready() { curl -sf -m 15 -o /dev/null "$url/health"; }

start() {
  resolve "$here/connect.xml"
  launch -Xmx384m -XX:TieredStopAtLevel=1 -Duser.timezone=UTC -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$lib/*" org.apache.kafka.connect.cli.ConnectDistributed worker.properties
  await ready
}

up() {
  [[ ! -e $run ]] || fail "there is a worker on port $port already: connect.sh down"
  mkdir -p "$run"
  write_settings
  start
  outlived_by "${CONNECT_OWNER:-}"
  echo "$url"
}

case ${1:-} in
up) up ;;
kill) end KILL ;;
start) start ;;
down) end KILL; rm -rf "$run" ;;
outlive) outlive "$2" ;;
*)
  sed -n '2,/^set /s/^# \{0,1\}//p' "$self"
  exit 2
  ;;
esac
