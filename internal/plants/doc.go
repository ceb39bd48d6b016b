// Package plants takes out, one after the other, what keeps results right, to see that something notices: the
// simulation of testkit/cluster a fault that was planted, a test the guard that it is there for.
//
// A change is a piece of the source and what stands in its place, and is compiled by an overlay: no file is written.
// The tests of this package see that each piece is still there, once; `make plants` and `make guards` run them.
package plants
