package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/examples/internal/demo"
	"github.com/millstream-go/millstream/testkit"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// logins is a driver, and a function that feeds it: a minute, an account, and where a login came from, or ok.
func logins(t *testing.T, opts ...testkit.Option) (*testkit.Driver, func(minute int, account, from string)) {
	topo, err := Build()
	require.NoError(t, err)
	d := testkit.New(t, topo, opts...)
	return d, func(minute int, account, from string) {
		login := Login{From: from, OK: from == "ok"}
		testkit.Input(d, Logins).Pipe(account, login, noon.Add(time.Duration(minute)*time.Minute))
	}
}

func locks(d *testkit.Driver) map[string]Lock { return testkit.Latest(testkit.Output(d, Locks)) }

func TestThreeFailuresLock(t *testing.T) {
	d, login := logins(t, testkit.Partitions(3))
	login(0, "ann", "a")
	login(1, "bob", "x")
	login(2, "ann", "b")
	require.Empty(t, locks(d))
	login(10, "ann", "c")
	require.Equal(t, map[string]Lock{"ann": {From: []string{"a", "b", "c"}}}, locks(d))
	_, ok := testkit.Get(d, Failures, "ann")
	require.False(t, ok, "after a lock the account begins anew")
}

func TestSuccessResets(t *testing.T) {
	d, login := logins(t)
	for minute, from := range []string{"a", "b", "ok", "c", "d"} {
		login(minute, "ann", from)
	}
	require.Empty(t, locks(d))
	login(5, "ann", "e")
	require.Equal(t, Lock{From: []string{"c", "d", "e"}}, locks(d)["ann"])
}

func TestOldFailuresDoNotCount(t *testing.T) {
	d, login := logins(t)
	login(0, "ann", "a")
	login(5, "ann", "b")
	login(11, "ann", "c")
	require.Empty(t, locks(d))
	login(15, "ann", "d")
	require.Equal(t, Lock{From: []string{"b", "c", "d"}}, locks(d)["ann"])
}

func TestFailuresOutOfOrder(t *testing.T) {
	d, login := logins(t)
	login(14, "ann", "c")
	login(0, "ann", "a") // more than ten minutes before the last
	login(13, "ann", "b")
	require.Empty(t, locks(d))
	login(12, "ann", "a")
	require.Equal(t, Lock{From: []string{"a", "b", "c"}}, locks(d)["ann"])
}

func TestAccountsAreForgotten(t *testing.T) {
	d, login := logins(t)
	login(0, "ann", "a")
	login(21, "bob", "b")
	_, ok := testkit.Get(d, Failures, "ann")
	require.False(t, ok)
	_, ok = testkit.Get(d, Failures, "bob")
	require.True(t, ok)
}

func TestFailuresSurvive(t *testing.T) {
	d, login := logins(t, testkit.CommitEvery(10))
	login(0, "ann", "a")
	d.Crash(testkit.AfterCommit)
	login(1, "ann", "b")
	d.LoseState()
	login(2, "ann", "c")
	d.Commit()
	require.Equal(t, map[string]Lock{"ann": {From: []string{"a", "b", "c"}}}, locks(d))
}

func TestNullsAreCounted(t *testing.T) {
	d, _ := logins(t)
	in := testkit.Input(d, Logins)
	in.PipeRecord(login{Key: "ann", NullValue: true})
	in.PipeRecord(login{NullKey: true})
	require.Equal(t, int64(1), d.Dropped()["null_value"])
	require.Equal(t, int64(1), d.Dropped()["null_key"])
	require.Empty(t, testkit.Rows(d, Failures))
}

func TestOnBroker(t *testing.T) {
	require.NoError(t, example.Run(t.Context(), demo.Options{Partitions: 4}))
}
