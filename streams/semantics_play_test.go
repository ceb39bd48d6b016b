package streams_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// The topics of scripts.
var (
	topicL = textTopic("L")
	topicR = textTopic("R")
	topicS = textTopic("S")
	topicT = textTopic("T")
)

func textTopic(name string) streams.Topic[string, string] {
	return streams.NewTopic(name, serde.String, serde.String)
}

// plays runs a script: a record a line, as topic(key,value)@timestamp, and behind an arrow what comes out of topic out
// for it, in order. Lines may also be wall and a number of milliseconds, restart, or lose state.
func plays(t *testing.T, build func(*streams.Builder) *stream, script string, opts ...testkit.Option) *testkit.Driver {
	t.Helper()
	b := streams.NewBuilder("app")
	build(b).To(out)
	d := drive(t, b, opts...)
	read := testkit.Output(d, out)
	for i, line := range strings.Split(strings.TrimSpace(script), "\n") {
		step, want, _ := strings.Cut(line, "->")
		act(t, d, strings.TrimSpace(step))
		var got []string
		for _, r := range read.Read() {
			got = append(got, strings.ReplaceAll(show(r), ", ", ","))
		}
		require.Equal(t, strings.TrimSpace(want), strings.Join(got, " "), "line %d: %s", i+1, line)
	}
	return d
}

var recordLine = regexp.MustCompile(`^(\w+)\((\w*),(.*)\)@(-?\d+)$`)

func act(t *testing.T, d *testkit.Driver, step string) {
	t.Helper()
	if n, ok := strings.CutPrefix(step, "wall "); ok {
		d.AdvanceWallClock(ms(number(n)))
		return
	}
	switch step {
	case "restart":
		d.Restart()
		return
	case "lose state":
		d.LoseState()
		return
	}
	m := recordLine.FindStringSubmatch(step)
	require.NotNil(t, m, "no step of a script: %q", step)
	at, err := strconv.ParseInt(m[4], 10, 64)
	require.NoError(t, err)
	r := rec(m[2], m[3], at)
	if r.Key == "null" {
		r.Key, r.NullKey = "", true
	}
	if r.Value == "null" {
		r.Value, r.NullValue = "", true
	}
	testkit.Input(d, textTopic(m[1])).PipeRecord(r)
}

// span is the key of a window in scripts.
func span(w window.Windowed[string]) string {
	return fmt.Sprintf("%s:%d-%d", w.Key, w.Window.Start, w.Window.End)
}

func glue(a, b string) string { return a + b }

// digits is a count as text.
func digits(n int64) string { return strconv.FormatInt(n, 10) }
