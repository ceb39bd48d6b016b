#!/usr/bin/env bash
# PostgreSQL on loopback, for tests: a cluster of its own with an empty database, "shop", ready for logical decoding.
#
#   postgres.sh up        start a new cluster; print its URL
#   postgres.sh kill      end it at once, as a crash would: it recovers when it starts again
#   postgres.sh start     start it again, on its data
#   postgres.sh down      end it and delete its data
#
# POSTGRES_PORT    the port (default 15432)
# POSTGRES_DIR     where the data lies (default: a directory of that port in the system's one for temporary files). The
#                  user postgres must be able to get there: the server does not run as root.
# POSTGRES_OWNER   a process: once it has ended, however it ended, so does the cluster that `up` started
#
# Needs PostgreSQL's server programs (Debian: postgresql).
set -euo pipefail

self=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
port=${POSTGRES_PORT:-15432}
dir=${POSTGRES_DIR:-${TMPDIR:-/tmp}/millstream-postgres-$port}
data=$dir/data
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
url=postgres://postgres@127.0.0.1:$port/shop?sslmode=disable

fail() { echo "postgres.sh: $*" >&2; exit 1; }

as_postgres() {
  if [[ $(id -u) == 0 ]]; then (cd / && exec runuser -u postgres -- "$@"); else "$@"; fi
}

start() {
  as_postgres "$bin/pg_ctl" -D "$data" -l "$data/log" -w -t 120 -o "-c listen_addresses=127.0.0.1 -c port=$port \
    -c unix_socket_directories='' -c wal_level=logical -c max_wal_senders=10 -c max_replication_slots=10 \
    -c timezone=UTC -c fsync=off -c shared_buffers=32MB" start >/dev/null || fail "it does not start; see $data/log"
}

end() { # how
  [[ ! -e $data/postmaster.pid ]] || as_postgres "$bin/pg_ctl" -D "$data" -m "$1" -w -t 120 stop >/dev/null || true
}

up() {
  [[ -n $bin ]] || fail "PostgreSQL's server programs are needed (Debian: apt-get install postgresql)"
  [[ ! -e $data ]] || fail "there is a cluster in $dir already: postgres.sh down"
  mkdir -p "$data"
  [[ $(id -u) != 0 ]] || chown postgres "$data"
  chmod 700 "$data"
  as_postgres "$bin/initdb" -D "$data" -U postgres -A trust -E UTF8 --locale=C -N >"$dir/initdb.log"
  start
  as_postgres "$bin/psql" -X -q -h 127.0.0.1 -p "$port" -U postgres -d postgres -c 'create database shop'
  if [[ -n ${POSTGRES_OWNER:-} ]]; then
    echo "$POSTGRES_OWNER" >"$dir/owner"
    setsid "$self" outlive "$POSTGRES_OWNER" </dev/null >/dev/null 2>&1 &
  fi
  echo "$url"
}

down() {
  end immediate
  rm -rf "$dir"
}

# Ends the cluster after its owner, unless somebody did before.
outlive() { # owner
  while kill -0 "$1" 2>/dev/null; do
    sleep 0.5
    [[ $(cat "$dir/owner" 2>/dev/null) == "$1" ]] || return 0
  done
  down
}

case ${1:-} in
up) up ;;
kill) end immediate ;;
start) start ;;
down) down ;;
outlive) outlive "$2" ;;
*)
  sed -n '2,/^set /s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
  exit 2
  ;;
esac
