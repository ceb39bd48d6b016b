#!/usr/bin/env bash
# A single Kafka broker (KRaft) on loopback, for tests. Needs Java 17 or newer and Maven, which resolves the jars once.
#
#   kafka.sh up      start a broker with an empty log and print its address
#   kafka.sh kill    kill it with -9;  kafka.sh start  start it again on its log
#   kafka.sh pause   stop its process as a long garbage collection would;  kafka.sh resume
#   kafka.sh down    stop it and delete its log
#
# KAFKA_DIR  where jars, log and settings lie (default: .kafka in the root of the repository)
# KAFKA_PORT its port (default 19392; the next one is the controller's)
# KAFKA_HEAP its heap (default 512m)
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${KAFKA_DIR:-$here/../../.kafka}
port=${KAFKA_PORT:-19392}
heap=${KAFKA_HEAP:-512m}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
lib=$dir/lib run=$dir/$port

fail() { echo "kafka.sh: $*" >&2; exit 1; }

resolve_jars() {
  [[ -e $lib/complete ]] && return
  command -v java >/dev/null || fail "Java 17 or newer is needed"
  command -v mvn >/dev/null || fail "Maven is needed to resolve Kafka's jars"
  mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$lib" -DincludeScope=runtime >&2
  touch "$lib/complete"
}

write_settings() {
  # Test data carries any timestamps: nothing may be deleted for its age.
  cat >"$run/server.properties" <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@localhost:$((port + 1))
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://localhost:$port,CONTROLLER://localhost:$((port + 1))
advertised.listeners=PLAINTEXT://localhost:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$run/log
log.retention.ms=-1
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=16777216
END
}

start() {
  (cd "$run" && exec setsid nohup java "-Xms$heap" "-Xmx$heap" -cp "$lib/*" kafka.Kafka server.properties \
    </dev/null >broker.log 2>&1) &
  echo $! >"$run/pid"
  for _ in $(seq 300); do
    if (exec 3<>"/dev/tcp/localhost/$port") 2>/dev/null; then return; fi
    alive || fail "the broker died; see $run/broker.log"
    sleep 0.1
  done
  fail "no broker on port $port after 30 s; see $run/broker.log"
}

alive() { [[ -e $run/pid ]] && kill -0 "$(cat "$run/pid")" 2>/dev/null; }

signal() { if alive; then kill "-$1" "$(cat "$run/pid")"; fi; }

wait_gone() {
  for _ in $(seq 150); do alive || return 0; sleep 0.1; done
  signal KILL
}

case ${1:-} in
up)
  if alive; then fail "a broker runs in $run already: kafka.sh down"; fi
  resolve_jars
  rm -rf "$run"
  mkdir -p "$run"
  write_settings
  java -cp "$lib/*" kafka.tools.StorageTool format -t bWlsbHN0cmVhbS10ZXN0cw -c "$run/server.properties" >"$run/format.log" 2>&1 ||
    fail "the log could not be formatted; see $run/format.log"
  start
  echo "localhost:$port"
  ;;
start) start ;;
kill) signal KILL; wait_gone ;;
pause) signal STOP ;;
resume) signal CONT ;;
down)
  signal CONT
  signal TERM
  wait_gone
  rm -rf "$run"
  ;;
*)
  sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
