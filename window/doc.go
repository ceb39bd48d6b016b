// Package window declares windows: those that a clock makes, that records make, sessions, and how far apart records of
// two streams may be to meet. [TimeKey] and [SessionKey] are the serdes of their keys.
//
// Times are event times in milliseconds since the epoch. Stream time is the highest time that an operator has seen; it
// only moves on as records arrive, and a window is closed once stream time has passed its end by the grace period. A
// record for a closed window is late.
package window
