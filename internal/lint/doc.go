// Package lint holds the rules of the project's structure, as tests: which package may import which, who owns a
// library, what the deciding packages must not do, how long things may be, what no file says, and what the public API
// is. STYLE.md gives the reasons.
package lint
