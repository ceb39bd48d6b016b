// Package statetest is the contract of a state.Engine, as tests: those of the engine by itself, and the stores of
// package state on top of it, through all that a task does with them.
//
//	func TestEngine(t *testing.T) {
//		statetest.Run(t, func(dir string) (state.Engine, error) { return OpenMine(dir) })
//	}
package statetest
