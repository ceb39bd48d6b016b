// Package store keeps bytes: ordered rows, changed in batches that become visible and durable as a whole. Typed stores,
// caches and the layout of rows lie above it, in package state.
package store
