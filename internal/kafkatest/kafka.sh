#!/usr/bin/env bash
# Apache Kafka (KRaft) on loopback, for tests: one broker, or three that replicate.
#
#   kafka.sh up [1|3]             start brokers with empty logs; print their addresses, separated by commas
#   kafka.sh kill [N]             end broker N (default 1) with SIGKILL
#   kafka.sh stop [N]             end it as a deployment would
#   kafka.sh start [N]            start it again, on its log
#   kafka.sh pause [N]            let it stand still, as a long garbage collection would
#   kafka.sh resume [N]           let it go on
#   kafka.sh tool CLASS [ARG...]  run one of Kafka's own tools, say org.apache.kafka.tools.TopicCommand
#   kafka.sh down                 end all brokers and delete their logs
#
# KAFKA_DIR    where jars, logs and settings lie (default: .kafka in the root of the repository)
# KAFKA_PORT   the first port (default 19392); each broker takes two, so several clusters can share a directory
# KAFKA_HEAP   the heap of a broker (default 512m)
# KAFKA_OWNER  a process: once it has ended, however it ended, so do the brokers that `up` started
#
# Needs Linux, Java 17 or newer, and Maven, which resolves the jars once.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
dir=${KAFKA_DIR:-$here/../../.kafka}
port=${KAFKA_PORT:-19392}
heap=${KAFKA_HEAP:-512m}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
run=$dir/$port
lib=$dir/lib-$(cksum <"$here/pom.xml" | cut -d' ' -f1) # another pom.xml, another directory

fail() { echo "kafka.sh: $*" >&2; exit 1; }

# The broker of number $1: its port names its directory.
port_of() { echo $((port + 2 * ($1 - 1))); }
home_of() { echo "$dir/$(port_of "$1")"; }
address_of() { echo "localhost:$(port_of "$1")"; }

# What $1 prints for each of $2 brokers, separated by commas.
list() { for n in $(seq "$2"); do "$1" "$n"; done | paste -sd,; }
voter() { echo "$1@localhost:$(($(port_of "$1") + 1))"; }

size() { cat "$run/size" 2>/dev/null || echo 1; }

resolve_jars() {
  if [[ -d $lib ]]; then return; fi
  command -v java >/dev/null || fail "Java 17 or newer is needed"
  command -v mvn >/dev/null || fail "Maven is needed to resolve Kafka's jars"
  (
    flock 9 # Maven's own cache bears one writer
    if [[ -d $lib ]]; then exit; fi
    rm -rf "$lib.part"
    mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$lib.part" >&2
    mv "$lib.part" "$lib"
  ) 9>"$dir/lock"
}

kafka_tool() {
  java -Xmx128m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp "$lib/*" "$@"
}

write_settings() { # broker, number of brokers
  local replicas=$2 in_sync=$(($2 / 2 + 1)) home
  home=$(home_of "$1")
  cat >"$home/server.properties" <<END
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$(list voter "$2")
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$(address_of "$1"),CONTROLLER://localhost:$(($(port_of "$1") + 1))
advertised.listeners=PLAINTEXT://$(address_of "$1")
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$home/log
# Test data carries any timestamps: nothing may be deleted for its age.
log.retention.ms=-1
auto.create.topics.enable=false
default.replication.factor=$replicas
min.insync.replicas=$in_sync
offsets.topic.num.partitions=4
offsets.topic.replication.factor=$replicas
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$in_sync
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=$replicas
share.coordinator.state.topic.min.isr=$in_sync
group.initial.rebalance.delay.ms=0
# A broker that was killed leads its partitions for so long; brokers' own default is nine seconds.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
END
}

prepare() { # broker, number of brokers
  local home
  home=$(home_of "$1")
  rm -rf "$home"
  mkdir -p "$home"
  write_settings "$1" "$2"
  kafka_tool kafka.tools.StorageTool format -t bWlsbHN0cmVhbS10ZXN0cw -c "$home/server.properties" >"$home/format.log" 2>&1 ||
    fail "no log could be made; see $home/format.log"
}

launch() { # broker
  local home
  home=$(home_of "$1")
  (cd "$home" && exec setsid java "-Xms$heap" "-Xmx$heap" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
    -cp "$lib/*" kafka.Kafka server.properties </dev/null >>broker.log 2>&1) &
  echo $! >"$home/pid"
}

listens() { (exec 3<>"/dev/tcp/localhost/$(port_of "$1")") 2>/dev/null; }

# A process id outlives its process in a file, and may have become another's. A broker is, for its first moment, still
# this script.
alive() {
  local pid
  pid=$(cat "$(home_of "$1")/pid" 2>/dev/null) && [[ $(ps -o args= -p "$pid") == *kafka.@(Kafka|sh)* ]]
}

wait_listening() { # broker
  for _ in $(seq 600); do
    if listens "$1"; then return; fi
    alive "$1" || fail "broker $1 died; see $(home_of "$1")/broker.log, which ends with"$'\n'"$(tail -n 20 "$(home_of "$1")/broker.log")"
    sleep 0.1
  done
  fail "broker $1 does not listen after 60 s; see $(home_of "$1")/broker.log"
}

# A broker listens before it may lead partitions. Until all may, creating a topic fails.
wait_ready() { # number of brokers
  for _ in $(seq 30); do
    if (($(kafka_tool org.apache.kafka.tools.BrokerApiVersionsCommand --bootstrap-server "$(list address_of "$1")" 2>&1 |
      grep -c 'isFenced: false') == $1)); then return; fi
    sleep 0.5
  done
  fail "the brokers do not find together; see $run/broker.log"
}

signal() { # signal, broker
  if alive "$2"; then kill "-$1" "$(cat "$(home_of "$2")/pid")"; fi
}

# A process that was killed is a zombie while its threads end ("l"), and they hold its socket until they have.
ended() { # pid
  local stat
  stat=$(ps -o stat= -p "$1" || true)
  [[ -z $stat || ( $stat == Z* && $stat != *l* ) ]]
}

# Ends a broker, and returns when its ports are free: a process loses its name before its sockets.
end() { # signal, broker, seconds
  local pid
  alive "$2" || return 0
  pid=$(cat "$(home_of "$2")/pid")
  kill "-$1" "$pid"
  for _ in $(seq $(($3 * 10))); do
    if ended "$pid"; then return; fi
    sleep 0.1
  done
  fail "broker $2 has not ended after $3 s"
}

kill_all() { # number of brokers
  for n in $(seq "$1"); do end KILL "$n" 10; done
}

up() { # number of brokers
  for n in $(seq "$1"); do
    if listens "$n"; then fail "$(address_of "$n") is taken: kafka.sh down, or another KAFKA_PORT"; fi
  done
  resolve_jars
  for n in $(seq "$1"); do prepare "$n" "$1"; done
  echo "$1" >"$run/size"
  trap 'kill_all '"$1" EXIT # none is left if one fails; their logs are
  for n in $(seq "$1"); do launch "$n"; done
  for n in $(seq "$1"); do wait_listening "$n"; done
  wait_ready "$1"
  trap - EXIT
  if [[ -n ${KAFKA_OWNER:-} ]]; then
    echo "$KAFKA_OWNER" >"$run/owner"
    setsid "$self" outlive "$KAFKA_OWNER" </dev/null >/dev/null 2>&1 &
  fi
  list address_of "$1"
}

down() {
  local n all
  all=$(size)
  kill_all "$all" # the logs go: nothing needs to be closed
  for n in $(seq "$all"); do rm -rf "$(home_of "$n")"; done
}

# Ends the brokers after their owner, unless somebody did before.
outlive() { # owner
  while kill -0 "$1" 2>/dev/null; do
    sleep 0.5
    [[ $(cat "$run/owner" 2>/dev/null) == "$1" ]] || return 0
  done
  down
}

broker=${2:-1}
case ${1:-} in
up)
  [[ $broker == [13] ]] || fail "up takes 1 or 3, not $broker"
  up "$broker"
  ;;
kill) end KILL "$broker" 10 ;;
stop) end TERM "$broker" 60 ;;
start)
  [[ -e $(home_of "$broker")/server.properties ]] || fail "there is no broker $broker to start: kafka.sh up"
  if alive "$broker"; then fail "broker $broker runs already"; fi
  launch "$broker"
  wait_listening "$broker"
  ;;
pause) signal STOP "$broker" ;;
resume) signal CONT "$broker" ;;
tool)
  resolve_jars
  kafka_tool "${@:2}"
  ;;
down) down ;;
outlive) outlive "$2" ;;
*)
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
