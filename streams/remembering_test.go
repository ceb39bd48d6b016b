package streams_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// diary writes down what a task asks of a processor that remembers and commits.
type diary struct {
	entries []string
	fail    error // of BeforeCommit
}

func (d *diary) note(format string, args ...any) {
	d.entries = append(d.entries, fmt.Sprintf(format, args...))
}

func (d *diary) read() []string {
	entries := d.entries
	d.entries = nil
	return entries
}

// diarist counts records in memory, and tells the count when a commit is made.
type diarist struct {
	*diary
	seen, marked int
}

func (p *diarist) Init(ctx *streams.Context[string, string]) error {
	p.note("init")
	ctx.Schedule(time.Second, streams.WallClockTime, func(int64) error {
		p.note("tick")
		p.seen += 100
		return errors.New("tick failed")
	})
	return nil
}

func (p *diarist) Process(ctx *textContext, r record) error {
	p.note("process %s", r.Value)
	p.seen++
	if r.Value == "bad" {
		return errors.New("bad")
	}
	return nil
}

func (p *diarist) Mark() { p.note("mark"); p.marked = p.seen }
func (p *diarist) Undo() { p.note("undo"); p.seen = p.marked }

func (p *diarist) BeforeCommit(ctx *streams.Context[string, string]) error {
	p.note("commit %d", p.seen)
	if p.fail != nil {
		return p.fail
	}
	text := strconv.Itoa(p.seen)
	p.seen = 0
	return ctx.Forward(rec("seen", text, 0))
}

// keeping is topic in through a diarist to topic out.
func keeping(b *streams.Builder, d *diary) *stream {
	s := streams.Process(streams.From(b, in), func() streams.Processor[string, string, string, string] {
		return &diarist{diary: d}
	})
	s.To(out)
	return s
}

func TestAProcessorRemembersWhatItIsToldTo(t *testing.T) {
	b, notes := streams.NewBuilder("app"), &diary{}
	keeping(b, notes)
	d := drive(t, b, testkit.Skip(), testkit.CommitEvery(0))
	require.Equal(t, "init", notes.read()[0], "there is nothing to mark before it")
	pipe(d, rec("k", "a", 1))
	require.Equal(t, []string{"mark", "process a"}, notes.read())
	pipe(d, rec("k", "bad", 2))
	require.Equal(t, []string{"mark", "process bad", "undo"}, notes.read())
	d.AdvanceWallClock(time.Second)
	require.Equal(t, []string{"mark", "tick", "undo"}, notes.read(), "of a punctuation, too")
	d.Commit()
	require.Equal(t, []string{"mark", "commit 1"}, notes.read())
	require.Equal(t, []record{rec("seen", "1", 0)}, testkit.Output(d, out).Read())
	d.Commit()
	require.Empty(t, notes.read(), "there is nothing to commit")
}

// A step behind or beside it fails: what it remembers of the record is taken back all the same.
func TestAProcessorForgetsWhatFailedElsewhere(t *testing.T) {
	b, notes := streams.NewBuilder("app"), &diary{}
	s := streams.From(b, in)
	streams.Process(s, func() streams.Processor[string, string, string, string] { return &diarist{diary: notes} }).To(out)
	s.ForEach(failOn("worse"))
	d := drive(t, b, testkit.Skip(), testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1), rec("k", "worse", 2), rec("k", "b", 3))
	d.Commit()
	require.Equal(t, []record{rec("seen", "2", 0)}, testkit.Output(d, out).Read())
}

// What it says before a commit is part of that commit, and memory is as after the last one.
func TestACommittingProcessorAcrossAccidents(t *testing.T) {
	want := map[string][]string{
		"restart": {"2", "1"}, "lost state": {"2", "1"}, "crash behind a commit": {"2", "1"},
		"crash before a commit": {"3"}, "crash in a commit": {"3"},
	}
	for name, happen := range accidents {
		b := streams.NewBuilder("app")
		keeping(b, &diary{})
		d := drive(t, b, testkit.CommitEvery(0))
		pipe(d, rec("k", "a", 1), rec("k", "b", 2))
		happen(d)
		pipe(d, rec("k", "c", 3))
		d.Commit()
		require.Equal(t, want[name], values(d), name)
	}
}

func TestEveryTaskAsksItsOwnProcessor(t *testing.T) {
	b := streams.NewBuilder("app")
	keeping(b, &diary{})
	d := drive(t, b, testkit.Partitions(4), testkit.CommitEvery(0))
	one, another := apart(t, d)
	pipe(d, rec(one, "1", 1), rec(another, "2", 2), rec(one, "3", 3))
	d.Commit()
	require.ElementsMatch(t, []string{"2", "1"}, values(d))
}

// Those in front speak first, so that those behind can still speak of what they hear.
func TestStepsSpeakBeforeACommitInTheirOrder(t *testing.T) {
	b, front, behind := streams.NewBuilder("app"), &diary{}, &diary{}
	streams.Process(keeping(b, front), func() streams.Processor[string, string, string, string] {
		return &diarist{diary: behind}
	}).To(textTopic("behind"))
	d := drive(t, b, testkit.CommitEvery(0))
	pipe(d, rec("k", "a", 1))
	behind.read()
	d.Commit()
	require.Equal(t, []string{"mark", "process 1", "commit 1"}, behind.read())
}

// No record is to blame for an error before a commit, so there is none to leave out: the application ends.
func TestAnErrorBeforeACommitEndsTheApplication(t *testing.T) {
	b, notes := streams.NewBuilder("app"), &diary{fail: errors.New("full")}
	keeping(b, notes)
	d, err := testkit.NewDriver(build(t, b), testkit.Skip(), testkit.CommitEvery(0))
	require.NoError(t, err)
	pipe(d, rec("k", "a", 1))
	d.Commit()
	require.ErrorIs(t, d.Err(), notes.fail)
	var failed *streams.ProcessError
	require.ErrorAs(t, d.Err(), &failed)
	require.Contains(t, failed.Node, "process")
	require.Empty(t, testkit.Output(d, out).Read())
	require.NoError(t, d.Close())
}

// fixed is a processor of values that remembers and commits.
type fixed struct {
	*diary
}

func (p *fixed) Process(*fixedContext, fixedRecord) error { p.note("process"); return nil }
func (p *fixed) Mark()                                    { p.note("mark") }
func (p *fixed) Undo()                                    { p.note("undo") }
func (p *fixed) BeforeCommit(*fixedContext) error {
	p.note("commit")
	return nil
}

func TestAProcessorOfValuesRemembersAndCommitsToo(t *testing.T) {
	b, notes := streams.NewBuilder("app"), &diary{}
	s := streams.From(b, in)
	streams.ProcessValues(s, func() streams.FixedKeyProcessor[string, string, string] { return &fixed{diary: notes} })
	s.ForEach(failOn("bad"))
	d := drive(t, b, testkit.Skip(), testkit.CommitEvery(0))
	notes.read()
	pipe(d, rec("k", "bad", 1))
	d.Commit()
	require.Equal(t, []string{"mark", "process", "undo", "mark", "commit"}, notes.read())
}
