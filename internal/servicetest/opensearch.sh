#!/usr/bin/env bash
# One OpenSearch node on loopback, without security, for tests.
#
#   opensearch.sh up      start it without indexes; print its URL
#   opensearch.sh kill    end it with SIGKILL
#   opensearch.sh start   start it again, on its data
#   opensearch.sh down    end it and delete its data
#
# OPENSEARCH_PORT    the HTTP port (default 19200); the next one is the transport's
# OPENSEARCH_DIR     where jars and data lie (default: .kafka/opensearch in the root of the repository)
# OPENSEARCH_OWNER   a process: once it has ended, however it ended, so does the node that `up` started
#
# Needs a JDK 17 or newer, Maven, which resolves the jars once, and curl.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
source "$here/java.sh"
port=${OPENSEARCH_PORT:-19200}
dir=${OPENSEARCH_DIR:-$here/../../.kafka/opensearch}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
run=$dir/$port
url=http://127.0.0.1:$port

ready() { curl -sf -m 5 -o /dev/null "$url/_cluster/health?wait_for_status=yellow&timeout=4s"; }

start() {
  mkdir -p "$run/home/config"
  launch -Xms512m -Xmx512m -Dlog4j2.disable.jmx=true -Dlog4j2.level=warn -cp "$classes:$lib/*" \
    SingleNode "$run/home" "$port" $((port + 1))
  await ready
}

up() {
  [[ ! -e $run ]] || fail "there is a node on port $port already: opensearch.sh down"
  start
  outlived_by "${OPENSEARCH_OWNER:-}"
  echo "$url"
}

resolve_classes() {
  resolve "$here/opensearch.xml"
  classes=$lib-classes
  [[ -d $classes ]] || {
    javac -proc:none -nowarn -cp "$lib/*" -d "$classes.part" "$here/SingleNode.java" 2>/dev/null
    mv "$classes.part" "$classes"
  }
}

case ${1:-} in
up) resolve_classes; up ;;
kill) end KILL ;;
start) resolve_classes; start ;;
down) end KILL; rm -rf "$run" ;;
outlive) outlive "$2" ;;
*)
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
