// Package windows is what the engine knows of windows: which of them hold a record, when they close, how long a store
// keeps them. What users write is package window, which declares them. It is pure.
//
// Times are event times in milliseconds since the epoch. Stream time is the highest time that an operator has seen; it
// only moves on as records arrive, and a window is closed once stream time has passed its end by the grace period. A
// record for a closed window is late.
package windows
