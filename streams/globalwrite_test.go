package streams_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// Stores of each kind that global processors fill.
var (
	globalWindows  = state.NewWindow("windows", serde.String, serde.String).Retain(time.Hour)
	globalSessions = state.NewSession("sessions", serde.String, serde.String).Retain(time.Hour)
	globalVersions = state.NewVersioned("versions", serde.String, serde.String, time.Hour)
)

// fillGlobals writes each record of topic other into stores of each kind.
type fillGlobals struct{}

func (fillGlobals) Process(ctx *globalContext, r record) error {
	_, _, err := globalVersions.In(ctx).Put(r.Key, r.Value, r.Timestamp)
	return errors.Join(err, rows.In(ctx).Put(r.Key, r.Value, r.Timestamp),
		globalWindows.In(ctx).Put(r.Key, r.Timestamp, r.Value, r.Timestamp),
		globalSessions.In(ctx).Put(r.Key, r.Timestamp, r.Timestamp, r.Value, r.Timestamp))
}

// globalText is what the stores have.
func globalText(d *testkit.Driver) (all []string) {
	for _, r := range testkit.Rows(d, rows) {
		all = append(all, r.Key+r.Value)
	}
	for _, r := range testkit.WindowRows(d, globalWindows) {
		all = append(all, r.Key+r.Value)
	}
	for _, r := range testkit.SessionRows(d, globalSessions) {
		all = append(all, r.Key+r.Value)
	}
	for _, r := range testkit.VersionedRows(d, globalVersions) {
		all = append(all, r.Key+r.Value)
	}
	return all
}

// writer writes at one of the times at which a processor is called.
type writer struct {
	at    string
	write func(ctx *textContext) error
}

func (w *writer) when(at string, ctx *textContext) error {
	if w.at != at {
		return nil
	}
	return w.write(ctx)
}

func (w *writer) Init(ctx *textContext) error {
	ctx.Schedule(time.Second, streams.WallClockTime, func(int64) error { return w.when("punctuation", ctx) })
	return w.when("Init", ctx)
}

func (w *writer) Process(ctx *textContext, _ record) error { return w.when("Process", ctx) }

func (w *writer) BeforeCommit(ctx *textContext) error { return w.when("BeforeCommit", ctx) }

// TestOnlyItsTopicFillsAGlobalTable: a processor that is given the store reads it. What it wrote would be on one
// instance, and gone with its database.
func TestOnlyItsTopicFillsAGlobalTable(t *testing.T) {
	const far = 100 * int64(time.Hour/time.Millisecond)
	writes := map[string]func(ctx *textContext) error{
		"rows": func(ctx *textContext) error { return rows.In(ctx).Put("a", "mine", far) },
		"rows, of none": func(ctx *textContext) error {
			return rows.In(ctx).Delete("none", 9)
		},
		"rows, delete": func(ctx *textContext) error { return rows.In(ctx).Delete("a", 9) },
		"windows": func(ctx *textContext) error {
			return globalWindows.In(ctx).Put("a", far, "mine", far)
		},
		"windows, delete": func(ctx *textContext) error {
			return globalWindows.In(ctx).Delete("a", 1, 9)
		},
		"sessions": func(ctx *textContext) error {
			return globalSessions.In(ctx).Put("a", far, far, "mine", far)
		},
		"sessions, delete": func(ctx *textContext) error {
			return globalSessions.In(ctx).Delete("a", 1, 1, 9)
		},
		"versions": func(ctx *textContext) error {
			_, _, err := globalVersions.In(ctx).Put("a", "mine", far)
			return err
		},
		"versions, delete": func(ctx *textContext) error {
			_, _, err := globalVersions.In(ctx).Delete("a", far)
			return err
		},
	}
	for what, write := range writes {
		store, _, _ := strings.Cut(what, ",")
		for _, when := range []string{"Process", "punctuation", "Init", "BeforeCommit"} {
			b := streams.NewBuilder("app")
			streams.GlobalProcess(b, other, func() streams.Processor[string, string, struct{}, struct{}] {
				return fillGlobals{}
			}, rows, globalWindows, globalSessions, globalVersions)
			streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
				return &writer{when, write}
			}, rows, globalWindows, globalSessions, globalVersions).To(out)
			d, err := testkit.NewDriver(build(t, b))
			if when != "Init" {
				require.NoError(t, err)
				pipeOther(d, rec("a", "1", 1))
				pipe(d, rec("k", "v", 1))
				d.AdvanceWallClock(time.Second)
				err = d.Err()
				require.NoError(t, d.Close())
			}
			require.ErrorIs(t, err, state.ErrReadOnly, "%s in %s", what, when)
			require.ErrorContains(t, err, "store "+store, "%s in %s", what, when)
			require.ErrorContains(t, err, "step process-", "%s in %s", what, when)
			require.ErrorContains(t, err, "globalwrite_test.go:", "%s in %s", what, when)
			if when == "Process" {
				d := drive(t, b, testkit.Skip())
				pipeOther(d, rec("a", "1", 1))
				pipe(d, rec("k", "v", 1))
				pipeOther(d, rec("b", "2", 2))
				require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped(), what)
				require.Equal(t, strings.Fields("a1 b2 a1 b2 a1 b2 a1 b2"), globalText(d), what)
			}
		}
	}
}
