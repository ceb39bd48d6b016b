// Package store keeps bytes: ordered rows, changed in batches that become visible and durable as a whole. Typed stores,
// caches and the layout of rows lie above it, in package state.
//
// There are two engines: Pebble, one database per task, and memory. A process gives all its databases one Budget.
//
// # What a crash leaves
//
// A commit hands the write-ahead log to the operating system and does not wait for the disk. A killed process loses
// nothing that was committed; a dead machine may lose the newest batches, each of them whole. As a batch also holds the
// offsets it stands for, the changelog fills in what is missing.
//
// # What a failing disk leaves
//
// After the first write that the disk refuses, nothing of that database is written any more, as if the process had died
// right there: see disk. The engine answers every call with ErrDisk, or with ErrCorrupt if it met damage, until it is
// closed; opened again, it has a whole prefix of its batches.
package store
