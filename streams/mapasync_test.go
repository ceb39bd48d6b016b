package streams_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

var flights = state.NewInFlight("waiting", serde.String, serde.String)

// upper is a slow function that fails for what begins with "bad".
func upper(_ context.Context, v string) (string, error) {
	if strings.HasPrefix(v, "bad") {
		return "", errors.New("refused")
	}
	return strings.ToUpper(v), nil
}

// asking is a builder of a topology in which a slow function lies between the topics in and out.
func asking(fn func(context.Context, string) (string, error), calls streams.Calls) *streams.Builder {
	b := streams.NewBuilder("app")
	streams.MapAsync(streams.From(b, in), fn, calls, flights).To(out)
	return b
}

// answer makes the held call of a record with that value.
func answer(t *testing.T, d *testkit.Driver, value string) {
	t.Helper()
	for _, c := range d.Calls() {
		if c.Record.(record).Value == value {
			c.Make()
			return
		}
	}
	require.Failf(t, "no call", "of %s among %v", value, heldValues(d))
}

func heldValues(d *testkit.Driver) (values []string) {
	for _, c := range d.Calls() {
		values = append(values, c.Record.(record).Value)
	}
	return values
}

func TestMapAsyncKeepsKeyTimeAndHeaders(t *testing.T) {
	d := drive(t, asking(upper, streams.Calls{}))
	pipe(d, withHeader(rec("k", "a", 3), "h"), nullValue("k", 2), nullKey("b", 1))
	require.Equal(t, []record{withHeader(rec("k", "A", 3), "h"), nullValue("k", 2), nullKey("B", 1)},
		testkit.Output(d, out).Read())
}

func TestMapAsyncRecordSeesNullsAndGivesThem(t *testing.T) {
	b := streams.NewBuilder("app")
	streams.MapAsyncRecord(streams.From(b, in), func(_ context.Context, r record) (streams.Optional[string], error) {
		if r.Value == "none" {
			return streams.None[string](), nil
		}
		return streams.Some(fmt.Sprint(r.Key, r.NullValue)), nil
	}, streams.Calls{}, flights).To(out)
	d := drive(t, b)
	pipe(d, rec("k", "a", 1), nullValue("l", 2), rec("m", "none", 3))
	require.Equal(t, []record{rec("k", "kfalse", 1), rec("l", "ltrue", 2), nullValue("m", 3)}, testkit.Output(d, out).Read())
}

func TestResultsLeaveInTheOrderOfTheirRecords(t *testing.T) {
	d := drive(t, asking(upper, streams.Calls{}), testkit.HoldCalls())
	pipe(d, rec("k", "a", 1), rec("l", "b", 2), nullValue("l", 3), rec("m", "c", 4))
	require.Equal(t, []string{"a", "b", "c"}, heldValues(d))
	answer(t, d, "c")
	answer(t, d, "b")
	require.Empty(t, testkit.Output(d, out).Read(), "all wait for the first one")
	answer(t, d, "a")
	require.Equal(t, []record{rec("k", "A", 1), rec("l", "B", 2), nullValue("l", 3), rec("m", "C", 4)},
		testkit.Output(d, out).Read())
}

func TestCallsOfOneKeyAreMadeOneAfterTheOther(t *testing.T) {
	d := drive(t, asking(upper, streams.Calls{}), testkit.HoldCalls())
	pipe(d, rec("k", "a", 1), rec("k", "b", 2), nullValue("k", 3), rec("k", "c", 4), rec("l", "d", 5),
		nullKey("e", 6), nullKey("f", 7))
	require.Equal(t, []string{"a", "d", "e", "f"}, heldValues(d), "records without a key have no order")
	answer(t, d, "a")
	require.Equal(t, []string{"d", "e", "f", "b"}, heldValues(d))
	answer(t, d, "b")
	require.Equal(t, []string{"d", "e", "f", "c"}, heldValues(d))
}

func TestAFullStepTakesNoMoreRecords(t *testing.T) {
	for name, calls := range map[string]streams.Calls{
		"records": {InFlight: 2}, "bytes": {InFlightBytes: 4},
	} {
		t.Run(name, func(t *testing.T) {
			d := drive(t, asking(upper, calls), testkit.HoldCalls())
			pipe(d, rec("k", "a", 1), rec("l", "b", 2), rec("m", "c", 3), rec("n", "d", 4))
			require.Equal(t, []string{"a", "b"}, heldValues(d))
			answer(t, d, "b")
			require.Equal(t, []string{"a"}, heldValues(d), "what has an answer and waits takes room, too")
			d.Restart()
			require.Equal(t, []string{"a", "b"}, heldValues(d), "both are asked again")
			answer(t, d, "a")
			require.Equal(t, []string{"b", "c"}, heldValues(d))
		})
	}
}

func TestFailedCallsMeetThePolicy(t *testing.T) {
	fail := func(opts ...testkit.Option) (*testkit.Driver, error) {
		d, err := testkit.NewDriver(build(t, asking(upper, streams.Calls{})), opts...)
		require.NoError(t, err)
		pipe(d, rec("k", "a", 1), withHeader(rec("k", "bad", 2), "h"), rec("k", "c", 3))
		t.Cleanup(func() { require.NoError(t, d.Close()) })
		return d, d.Err()
	}
	_, err := fail()
	var failed *streams.ProcessError
	require.ErrorAs(t, err, &failed)
	require.ErrorContains(t, err, "in/0 offset 1: after 5 attempts: refused")
	require.Contains(t, failed.Node, "mapasync")
	require.Equal(t, streams.ProcessingError, failed.Cause)

	d, err := fail(testkit.Skip())
	require.NoError(t, err)
	require.Equal(t, []record{rec("k", "A", 1), rec("k", "C", 3)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())

	d, err = fail(testkit.DeadLetter("dead"))
	require.NoError(t, err)
	require.Equal(t, []record{rec("k", "A", 1), rec("k", "C", 3)}, testkit.Output(d, out).Read())
	dead := testkit.Output(d, streams.NewTopic("dead", serde.String, serde.String)).Read()
	require.Len(t, dead, 1)
	require.Equal(t, rec("k", "bad", 2), record{Key: dead[0].Key, Value: dead[0].Value, Timestamp: dead[0].Timestamp})
	require.Equal(t, "h", dead[0].Headers[0].Key)
	require.Equal(t, "1", string(dead[0].Headers[len(dead[0].Headers)-1].Value), "the offset")
}

func TestCallsAreRepeated(t *testing.T) {
	asked := 0
	answers := []error{errors.New("busy"), errors.New("busy"), nil, streams.Permanent(errors.New("unknown card"))}
	d := drive(t, asking(func(context.Context, string) (string, error) {
		asked++
		return "ok", answers[asked-1]
	}, streams.Calls{Attempts: 3}), testkit.Skip())
	pipe(d, rec("k", "a", 1))
	require.Equal(t, []record{rec("k", "ok", 1)}, testkit.Output(d, out).Read())
	pipe(d, rec("k", "b", 2))
	require.Equal(t, 4, asked, "a permanent error is not tried again")
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

func TestAPanicOfASlowFunctionIsAnErrorOfItsRecord(t *testing.T) {
	d := drive(t, asking(func(_ context.Context, v string) (string, error) { panic(v) }, streams.Calls{}), testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("k", "b", 1))
	require.Equal(t, drops{streams.DropProcess: 2}, d.Dropped())
}

func TestTheTestAnswersInPlaceOfTheFunction(t *testing.T) {
	d := drive(t, asking(upper, streams.Calls{}), testkit.HoldCalls(), testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("l", "b", 2))
	d.Calls()[0].Timeout()
	d.Calls()[0].Fail(errors.New("down"))
	require.Empty(t, d.Calls())
	require.Equal(t, drops{streams.DropProcess: 2}, d.Dropped())
}

// A result that a step downstream cannot take is an error of the record, too.
func TestAFailureBehindACall(t *testing.T) {
	b := streams.NewBuilder("app")
	answers := streams.MapAsync(streams.From(b, in), upper, streams.Calls{}, flights)
	answers.Peek(func(r record) {
		if r.Value == "B" {
			panic("b")
		}
	}).To(out)
	d := drive(t, b, testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("k", "b", 2), rec("k", "c", 3))
	require.Equal(t, []record{rec("k", "A", 1), rec("k", "C", 3)}, testkit.Output(d, out).Read())
	require.Equal(t, drops{streams.DropProcess: 1}, d.Dropped())
}

// No call is made for a record that another step fails on.
func TestARecordThatIsTakenBackIsNotAskedFor(t *testing.T) {
	b := streams.NewBuilder("app")
	s := streams.From(b, in)
	streams.MapAsync(s, upper, streams.Calls{}, flights).To(out)
	s.ForEach(func(r record) error {
		if r.Value == "b" {
			return errors.New("no")
		}
		return nil
	})
	d := drive(t, b, testkit.HoldCalls(), testkit.Skip())
	pipe(d, rec("k", "a", 1), rec("k", "b", 2), rec("k", "c", 3), rec("l", "b", 4))
	require.Equal(t, []string{"a"}, heldValues(d))
	answer(t, d, "a")
	require.Equal(t, []string{"c"}, heldValues(d))
	answer(t, d, "c")
	require.Equal(t, []record{rec("k", "A", 1), rec("k", "C", 3)}, testkit.Output(d, out).Read())
}

// TestMapAsyncInAnyOrder: whatever the order of the answers, and wherever the process dies, each record has one result,
// and the results of a partition are in the order of its records. So it is with two slow steps in a row.
func TestMapAsyncInAnyOrder(t *testing.T) {
	second := state.NewInFlight("second", serde.String, serde.String)
	for range 40 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			b := streams.NewBuilder("app")
			calls := streams.Calls{InFlight: 1 + random.IntN(5)}
			once := streams.MapAsync(streams.From(b, in), upper, calls, flights)
			streams.MapAsync(once, func(_ context.Context, v string) (string, error) { return v + "!", nil }, calls, second).To(out)
			d := drive(t, b, testkit.HoldCalls(), testkit.Partitions(2), testkit.CommitEvery(random.IntN(3)), testkit.Skip())
			want := map[int32][]string{}
			for i := range 60 {
				r := rec(fmt.Sprint("k", random.IntN(6)), fmt.Sprint("v", i), int64(i))
				if random.IntN(10) == 0 {
					r.Value = "bad"
				} else {
					p := testkit.PartitionOf(d, in, r.Key)
					want[p] = append(want[p], strings.ToUpper(r.Value)+"!")
				}
				pipe(d, r)
				disturb(d, random)
			}
			for len(d.Calls()) > 0 {
				d.Calls()[random.IntN(len(d.Calls()))].Make()
			}
			d.Commit()
			got := map[int32][]string{}
			for _, r := range testkit.Output(d, out).Read() {
				p := testkit.PartitionOf(d, in, r.Key)
				got[p] = append(got[p], r.Value)
			}
			require.Equal(t, want, got)

		})
	}
}

// disturb answers calls, or ends the process somewhere.
func disturb(d *testkit.Driver, random *rand.Rand) {
	switch n := random.IntN(20); {
	case n < 3:
		d.Crash(testkit.CrashPoint(n))
	case n == 3:
		d.Restart()
	case n == 4:
		d.LoseState()
	case n < 14 && len(d.Calls()) > 0:
		d.Calls()[random.IntN(len(d.Calls()))].Make()
	}
}

func TestMistakesOfMapAsync(t *testing.T) {
	b := asking(nil, streams.Calls{Timeout: -time.Second})
	text := mistakes(t, b)
	require.Contains(t, text, "MapAsync: fn is nil")
	require.Contains(t, text, "Calls: no field may be below 0")
	b = asking(upper, streams.Calls{})
	streams.MapAsync(streams.From(b, other), upper, streams.Calls{}, flights).To(out)
	require.Contains(t, mistakes(t, b), `store "waiting" is kept by the step at`)
}
