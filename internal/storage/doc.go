// Package storage is the side of stores that tasks, topologies and descriptions see: declarations, and open stores,
// both without types. Users see them sealed, in package state.
package storage
