package serde

import (
	"context"
	"errors"
	"fmt"
)

// Use is what a topology uses a serde for.
type Use struct {
	// Topic is the topic of the keys or values; of a store, its changelog, also if the store has none. Internal topics
	// have their names in the cluster. Of topics that are chosen by a pattern it is the pattern.
	Topic   string
	Pattern bool
	Key     bool // keys, else values
	Write   bool // they are written, else read only
}

// Starter is a serde that has to be made ready, as one whose schemas are in a registry.
type Starter interface {
	// Start makes the serde ready for a use. App.Run calls it before it does anything else, and the test driver when it
	// is made, once for each use of a topology, by one goroutine: an error of it is the application's. ctx ends with the
	// application. A use for which it was called before is ready.
	Start(ctx context.Context, use Use) error
}

// ErrStopped is in the error of a serde that waited for something else when the application stopped: when the context
// of Start ended. It says nothing about the record, which is processed at the next start, whatever the error policy.
var ErrStopped = errors.New("serde: the application stopped while this was waited for")

// Start makes serdes ready for one use, with those that they are made of: each that is a Starter, or has such a one
// among the parts that its method Parts() []any tells. Who uses serdes outside of an application and the test driver,
// in a producer, say, calls it before.
func Start(ctx context.Context, use Use, serdes ...any) error {
	for _, s := range serdes {
		switch s := s.(type) {
		case Starter:
			if err := s.Start(ctx, use); err != nil {
				return fmt.Errorf("%s of topic %s: %w", use.part(), use.Topic, err)
			}
		case interface{ Parts() []any }:
			if err := Start(ctx, use, s.Parts()...); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u Use) part() string {
	if u.Key {
		return "keys"
	}
	return "values"
}
