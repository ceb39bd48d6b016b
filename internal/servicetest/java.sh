# What the scripts of Java servers share. They set self, dir (where jars lie) and run (of this server).

fail() { echo "$(basename "$self"): $*" >&2; exit 1; }

# The jars of a pom.xml, resolved once, into $lib: another pom, another directory.
resolve() { # pom
  lib=$dir/lib-$(cksum <"$1" | cut -d' ' -f1)
  if [[ -d $lib ]]; then return; fi
  command -v mvn >/dev/null || fail "Maven is needed to resolve jars"
  (
    flock 9 # Maven's own cache bears one writer
    if [[ -d $lib ]]; then exit; fi
    rm -rf "$lib.part"
    mvn -q -B -f "$1" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$lib.part" >&2
    mv "$lib.part" "$lib"
  ) 9>"$dir/lock"
}

launch() { # arguments of java
  (cd "$run" && exec setsid java -XX:+UseSerialGC "$@" </dev/null >>"$run/log" 2>&1) &
  echo $! >"$run/pid"
}

# A process id outlives its process in a file, and may have become another's.
alive() {
  local pid
  pid=$(cat "$run/pid" 2>/dev/null) && [[ $(ps -o args= -p "$pid") == *java* || $(ps -o args= -p "$pid") == *"$self"* ]]
}

await() { # command that succeeds once the server is ready
  for _ in $(seq 480); do
    if "$@"; then return; fi
    alive || fail "it died; see $run/log"
    sleep 0.25
  done
  fail "it is not ready after two minutes; see $run/log"
}

end() { # signal
  local pid
  alive || return 0
  pid=$(cat "$run/pid")
  kill "-$1" "$pid"
  for _ in $(seq 600); do
    [[ -n $(ps -o stat= -p "$pid" | grep -v '^Z[^l]*$' || true) ]] || return 0
    sleep 0.1
  done
  fail "it has not ended after a minute"
}

# Ends the server after its owner, unless somebody did before.
outlived_by() { # owner
  [[ -n $1 ]] || return 0
  echo "$1" >"$run/owner"
  setsid "$self" outlive "$1" </dev/null >/dev/null 2>&1 &
}

outlive() { # owner
  while kill -0 "$1" 2>/dev/null; do
    sleep 0.5
    [[ $(cat "$run/owner" 2>/dev/null) == "$1" ]] || return 0
  done
  "$self" down
}
