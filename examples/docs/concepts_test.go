package docs

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
	"github.com/millstream-go/millstream/window"
)

// What the page on concepts declares.
var (
	UserClicks = streams.NewTopic("clicks", serde.String, serde.String)
	PerUser    = state.NewKeyValue("per-user", serde.String, serde.Int64)
	UserCounts = streams.NewTopic("counts", serde.String, serde.Int64)
	PerMinute  = state.NewWindow("minutes", serde.String, serde.Int64)
)

// running is the first topology of the page.
func running() (*streams.Topology, error) {
	b := streams.NewBuilder("concepts")
	streams.From(b, UserClicks).GroupByKey().Count(PerUser).ToStream().To(UserCounts)
	return b.Build()
}

// final is the second one.
func final() (*streams.Topology, error) {
	b := streams.NewBuilder("concepts")
	minute := window.Tumbling(time.Minute).Grace(10 * time.Second)
	streams.From(b, UserClicks).GroupByKey().WindowedBy(minute).Count(PerMinute).Final().ByKey().To(UserCounts)
	return b.Build()
}

// timeLine pipes a click of each user at a time, as "ann 12:00:05", and shows after each what came out, or was dropped.
func timeLine(t *testing.T, build func() (*streams.Topology, error), clicks ...string) string {
	topo, err := build()
	require.NoError(t, err)
	d := testkit.New(t, topo)
	in, out := testkit.Input(d, UserClicks), testkit.Output(d, UserCounts)
	var b strings.Builder
	b.WriteString("click            out\n")
	dropped := int64(0)
	for _, click := range clicks {
		user, at, _ := strings.Cut(click, " ")
		time, err := time.Parse("2006-01-02 15:04:05", "2026-03-01 "+at)
		require.NoError(t, err)
		in.Pipe(user, "page", time)
		d.Commit()
		line := fmt.Sprintf("%-17s", click)
		for _, r := range out.Read() {
			line += fmt.Sprintf("%s=%d ", r.Key, r.Value)
		}
		late := d.Dropped()[streams.DropLate]
		if late > dropped {
			line += "late"
		}
		dropped = late
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// TestConcepts: the time lines of the page are those of the test driver.
func TestConcepts(t *testing.T) {
	page, err := os.ReadFile("../../docs/concepts.md")
	require.NoError(t, err)
	for _, line := range []string{
		timeLine(t, running, "ann 12:00:05", "bob 12:00:20", "ann 12:00:40"),
		timeLine(t, final, "ann 12:00:05", "ann 12:00:40", "bob 12:01:05", "ann 12:00:50", "bob 12:01:10", "ann 12:00:55"),
	} {
		require.Contains(t, string(page), "```\n"+line+"```", line)
	}
}
