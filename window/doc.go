// Package window is the arithmetic of windows: which windows hold a record, and when they close. It is pure.
//
// Times are event times in milliseconds since the epoch. Stream time is the highest time that an operator has seen; it
// only moves on as records arrive, and a window is closed once stream time has passed its end by the grace period. A
// record for a closed window is late.
package window
