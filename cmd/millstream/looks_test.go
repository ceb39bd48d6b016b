package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// served answers each request with a value.
func served(t *testing.T, v any) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(v) // who asked may be gone
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func millstream(t *testing.T, args ...string) (code int, out, errs string) {
	var o, e strings.Builder
	code = run(context.WithoutCancel(t.Context()), args, &o, &e)
	return code, o.String(), e.String()
}

// TestTasksThatNobodyRunsYet: those that the group has given to a process are told, and texts obey no terminal.
func TestTasksThatNobodyRunsYet(t *testing.T) {
	task := streams.TaskStatus{Task: "0_0", Running: true, Error: "bad \x1b[2J\u009b2J\nrecord"}
	url := served(t, inspect.Peers{All: []inspect.Peer{{
		Instance: streams.Instance{Process: "one", Tasks: []string{"0_0", "0_1"}},
		Snapshot: &streams.Snapshot{State: streams.Running, Tasks: []streams.TaskStatus{task}},
	}}})
	code, out, errs := millstream(t, "tasks", "--url", url)
	require.Equal(t, declined, code, out+errs)
	require.Contains(t, errs, "1 tasks do not run")
	require.Contains(t, out, "0_1")
	require.NotContains(t, out, "\x1b")
	require.NotContains(t, out, "\u009b")
}

// TestGroupThatCannotBeAsked is no application without tasks.
func TestGroupThatCannotBeAsked(t *testing.T) {
	url := served(t, inspect.Peers{Error: "no coordinator"})
	for _, command := range []string{"tasks", "top"} {
		code, _, errs := millstream(t, command, "--url", url)
		require.Equal(t, failed, code, command)
		require.Contains(t, errs, "no coordinator")
	}
}

// TestRowsAsTheyAre: with the digits and letters that the store has.
func TestRowsAsTheyAre(t *testing.T) {
	url := served(t, json.RawMessage(`{"rows":[{"key":9007199254740993,"value":{"id":9007199254740993,"a":"<b>"}}]}`))
	code, out, errs := millstream(t, "stores", "get", "ids", "9007199254740993", "--url", url)
	require.Zero(t, code, errs)
	require.Contains(t, out, `9007199254740993  {"a":"<b>","id":9007199254740993}`)
}

// TestFilesOfAnotherKind are refused with what is wrong with them.
func TestFilesOfAnotherKind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file.json")
	require.NoError(t, os.WriteFile(path, []byte("{}"), 0o600))
	for _, args := range [][]string{{"diff", path, path}, {"acl", path, "--principal", "User:a"}} {
		code, _, errs := millstream(t, args...)
		require.Equal(t, failed, code)
		require.Contains(t, errs, "it names no application")
		require.NotContains(t, errs, "%!")
	}
}

// TestSettingsThatAreNotShown do not fit, and those that lose records by size do neither.
func TestSettingsThatAreNotShown(t *testing.T) {
	v := verification{}
	hidden := kadm.ResourceConfigs{{Name: "a-changelog", Err: kerr.TopicAuthorizationFailed}}
	require.ErrorIs(t, v.judge(hidden, nil), kerr.TopicAuthorizationFailed)

	policy, age, size := "delete", "-1", "1000"
	limited := kadm.ResourceConfigs{{Name: "a-repartition", Configs: []kadm.Config{
		{Key: "cleanup.policy", Value: &policy}, {Key: "retention.ms", Value: &age}, {Key: "retention.bytes", Value: &size},
	}}}
	require.NoError(t, v.judge(limited, nil))
	require.Len(t, v.found, 1)
	require.Contains(t, v.found[0].Text, "retention.bytes 1000")
}
