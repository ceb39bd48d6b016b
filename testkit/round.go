package testkit

import "fmt"

// round is what was processed since the test last did something.
type round struct{ first, records int } // those that were there at first, and all

// mostRounds is how often records may go round, or that of a few records.
const (
	mostRounds = 1000
	fewRecords = 10
)

// checkRound counts records that were processed. Where topics are read and written in a circle they may go round for
// ever, which an application does not mind; a test would not end.
func (d *Driver) checkRound(n int) error {
	if d.circle == "" || n == 0 {
		return nil
	}
	if d.round.first == 0 {
		d.round.first = n
	}
	if d.round.records += n; d.round.records <= mostRounds*max(fewRecords, d.round.first) {
		return nil
	}
	return fmt.Errorf("testkit: topic %q is written with what comes out of it, and records go round for ever: %d were "+
		"processed since the test did something, of which %d were there at first: let them leave the circle",
		d.circle, d.round.records, d.round.first)
}
