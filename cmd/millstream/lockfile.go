package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/millstream-go/millstream/topology"
)

// readLock reads a lock file, see testkit.AssertTopology.
func readLock(path string) (lock topology.Lock, err error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return lock, err
	}
	if lock, err = topology.ParseLock(b); err == nil && lock.App == "" {
		err = errors.New("it names no application")
	}
	if err != nil {
		return lock, fmt.Errorf("%s is no lock file of a topology, as testkit.AssertTopology writes one: %w", path, err)
	}
	return lock, nil
}

// diffCmd compares two lock files.
type diffCmd struct {
	Old string `arg:"" type:"existingfile" help:"Lock file of what runs."`
	New string `arg:"" type:"existingfile" help:"Lock file of what is to be deployed."`
}

// change is a difference.
type change struct {
	Severity string `json:"severity"` // notes, or breaks
	Text     string `json:"text"`
}

func (c change) columns() []any { return []any{c.Severity, c.Text} }

// Run prints a line for each difference. If one of them breaks state, the command declines.
func (c *diffCmd) Run(_ context.Context, p *printer) error {
	older, err := readLock(c.Old)
	if err != nil {
		return err
	}
	newer, err := readLock(c.New)
	if err != nil {
		return err
	}
	var changes []change
	breaks := 0
	for _, d := range older.Compare(newer) {
		changes = append(changes, change{d.Severity.String(), d.String()})
		if d.Severity == topology.Breaks {
			breaks++
		}
	}
	if err := table(p, "SEVERITY\tCHANGE", changes); err != nil {
		return err
	}
	if breaks > 0 {
		return &declinedError{fmt.Sprintf("%d changes would break state", breaks)}
	}
	return nil
}
