package inspect_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// crowded is an application of which much has to be told.
type crowded struct{}

func (crowded) Snapshot() streams.Snapshot {
	now, long := time.Now(), strings.Repeat("a long text ", 1000)
	s := streams.Snapshot{App: "crowded", At: now, State: streams.Running, Since: now.Add(-time.Hour)}
	for i := range 200 {
		s.History = append(s.History, streams.Happening{
			At: now.Add(time.Duration(i-200) * time.Second), Kind: streams.HappenedSession, Text: long,
		})
	}
	for i := range 50 {
		s.Failures = append(s.Failures, streams.Failure{At: now, Step: "map-1", Topic: "in", Offset: int64(i), Error: long})
	}
	for range 100 {
		s.Commits = append(s.Commits, streams.Commit{Began: now, Records: 5, Flush: time.Millisecond})
	}
	return s
}

// TestPageIsSmall: whatever has happened, and however long errors are.
func TestPageIsSmall(t *testing.T) {
	server := httptest.NewServer(inspect.Handler(crowded{}, inspect.Options{}))
	defer server.Close()
	_, body, _ := get(t, server, "/")
	require.Contains(t, body, "a long text")
	require.Less(t, len(body), 150_000)
}
