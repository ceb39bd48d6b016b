package streams_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// The application of these tests looks words up in a global table.
var (
	labels    = streams.NewTopic("labels", serde.String, serde.String)
	nameRows = state.NewKeyValue("labels", serde.String, serde.String)
	named    = streams.NewTopic("named", serde.String, serde.String)
)

func nameWords(b *streams.Builder) {
	table := streams.GlobalTableFrom(b, labels, nameRows)
	streams.JoinGlobal(streams.From(b, words), table, func(w string) string { return w },
		func(w, name string) string { return w + "=" + name }).To(named)
}

func newNameRig(t *testing.T) *rig { return newRig(t, "words", "labels", "named") }

// name produces the rows w0 to w6 of the global table: v0 to v6.
func (r *rig) name(opts ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(r.fake.ListenAddrs()...))...)
	require.NoError(r.t, err)
	r.t.Cleanup(client.Close)
	if len(opts) > 0 {
		require.NoError(r.t, client.BeginTransaction())
	}
	for i := range 7 {
		rec := &kgo.Record{Topic: "labels", Key: fmt.Append(nil, "w", i), Value: fmt.Append(nil, "v", i)}
		require.NoError(r.t, client.ProduceSync(context.Background(), rec).FirstErr())
	}
	return client
}

// requireNamed waits until all words have found their labels.
func (r *rig) requireNamed() {
	client, err := kgo.NewClient(kgo.SeedBrokers(r.fake.ListenAddrs()...), kgo.ConsumeTopics("named"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	require.NoError(r.t, err)
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for seen := 0; seen < r.sent; {
		fetches := client.PollFetches(ctx)
		require.NoError(r.t, ctx.Err(), "%d of %d records; log:\n%s", seen, r.sent, r.log)
		fetches.EachRecord(func(rec *kgo.Record) {
			require.Regexp(r.t, `^w(\d)=v(\d)$`, string(rec.Value))
			require.Equal(r.t, rec.Value[1], rec.Value[4])
			seen++
		})
	}
}

// TestGlobalTableIsReadBeforeWork: rows that were there before the application are found by its first record, with and
// without the rows that the process has kept.
func TestGlobalTableIsReadBeforeWork(t *testing.T) {
	r := newNameRig(t)
	r.name()
	config := r.config(t.TempDir())
	for range 2 {
		r.send(20)
		_, stop := r.start(nameWords, config)
		r.requireNamed()
		require.NoError(t, stop())
	}
	require.NoError(t, os.RemoveAll(config.StateDir))
	r.send(20)
	_, stop := r.start(nameWords, config)
	r.requireNamed()
	require.NoError(t, stop())
}

// TestGlobalTableUnderAnOpenTransaction does not hold up the application: its rows may never be committed.
func TestGlobalTableUnderAnOpenTransaction(t *testing.T) {
	r := newNameRig(t)
	r.name()
	r.name(kgo.TransactionalID("elsewhere"))
	r.send(20)
	_, stop := r.start(nameWords, r.config(t.TempDir()))
	r.requireNamed()
	require.NoError(t, stop())
}

// TestDamagedGlobalTable is read again, whether the damage is met at the start or by a record that looks a row up.
func TestDamagedGlobalTable(t *testing.T) {
	for name, damage := range map[string]func(t *testing.T, dir string){
		"found at the start": func(t *testing.T, dir string) {
			eachFile(t, dir, "MANIFEST-*", func(name string) { require.NoError(t, os.Truncate(name, 3)) })
		},
		"found by a record": func(t *testing.T, dir string) {
			eachFile(t, dir, "*.sst", func(name string) {
				content, err := os.ReadFile(name)
				require.NoError(t, err)
				for i := range content[:40] {
					content[i] ^= 0x55
				}
				require.NoError(t, os.WriteFile(name, content, 0o644))
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newNameRig(t)
			r.name()
			config := r.config(t.TempDir())
			_, stop := r.start(nameWords, config)
			r.send(20)
			r.requireNamed()
			require.NoError(t, stop())
			damage(t, filepath.Join(config.StateDir, "app", "global-0"))
			_, stop = r.start(nameWords, config)
			r.send(20)
			r.requireNamed()
			require.NoError(t, stop())
			r.requireLog("damaged global tables set aside")
		})
	}
}

func eachFile(t *testing.T, dir, pattern string, do func(name string)) {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	require.NoError(t, err)
	require.NotEmpty(t, found)
	for _, name := range found {
		do(name)
	}
}

// TestGlobalTableOfAnotherTopology: what is on disk does not fit the declaration.
func TestGlobalTableOfAnotherTopology(t *testing.T) {
	r := newNameRig(t)
	r.name()
	config := r.config(t.TempDir())
	_, stop := r.start(nameWords, config)
	r.send(1)
	r.requireNamed()
	require.NoError(t, stop())
	err := r.run(func(b *streams.Builder) {
		numbers := streams.NewTopic("labels", serde.String, serde.Int64)
		table := streams.GlobalTableFrom(b, numbers, state.NewKeyValue("labels", serde.String, serde.Int64))
		streams.JoinGlobal(streams.From(b, words), table, func(w string) string { return w },
			func(w string, _ int64) string { return w }).To(named)
	}, config)
	var format *streams.StateFormatError
	require.ErrorAs(t, err, &format)
	require.Equal(t, "labels", format.Store)
}
