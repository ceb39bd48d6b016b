#!/usr/bin/env bash
# Runs a Java program of one file, with the jars of the pom.xml beside it, which Maven resolves once into .kafka in the
# root of the repository.
#
#   program.sh FILE.java [ARG...]
#
# Needs Java 17 or newer, and Maven.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
self=$here/$(basename "${BASH_SOURCE[0]}")
mkdir -p "$here/../../.kafka"
dir=$(cd "$here/../../.kafka" && pwd)
# shellcheck source=internal/servicetest/java.sh
source "$here/java.sh"

[[ -f ${1:-} ]] || fail "FILE.java is needed"
resolve "$(dirname "$1")/pom.xml"
exec java -Xmx256m -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp "$lib/*" "$@"
