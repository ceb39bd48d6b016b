// Package invariants turns on checks that are too slow for production: go test -tags invariants, or a build of an
// application with that tag, runs them.
package invariants
