// Package calls makes the calls of steps that ask slow services: for each step of a process so many at once, each with
// a time limit, attempts and waits between them.
package calls
