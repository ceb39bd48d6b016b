#!/usr/bin/env bash
# Runs Takeover.java, see there, with the jars of pom.xml, which Maven resolves once into .kafka in the root of the
# repository. Needs Java 17 or newer, and Maven.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
mkdir -p ../../../../.kafka
dir=$(cd ../../../../.kafka && pwd)
lib=$dir/lib-$(cksum <pom.xml | cut -d' ' -f1)
if [[ ! -d $lib ]]; then
  (
    flock 9 # Maven's own cache bears one writer
    if [[ -d $lib ]]; then exit; fi
    rm -rf "$lib.part"
    mvn -q -B dependency:copy-dependencies -DoutputDirectory="$lib.part" >&2
    mv "$lib.part" "$lib"
  ) 9>"$dir/lock"
fi
exec java -Xmx256m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$lib/*" Takeover.java "$@"
