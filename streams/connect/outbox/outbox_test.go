package outbox_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/servicetest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/outbox"
	"github.com/millstream-go/millstream/testkit/broker"
)

var events = streams.NewTopic("events", serde.String, serde.String)

func config() outbox.Config[string, string] {
	return outbox.Config[string, string]{
		Table: "outbox", Columns: []string{"account", "payload"}, Rows: 7, Delete: true,
		Record: func(scan func(...any) error) (r streams.Record[string, string], err error) {
			err = scan(&r.Key, &r.Value)
			return r, err
		},
	}
}

func fresh(t *testing.T) (*servicetest.Server, *sql.DB) {
	pg := servicetest.StartPostgres(t)
	db, err := sql.Open("postgres", pg.URL)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	exec(t, db, `create table outbox (tx xid8 not null default pg_current_xact_id(),
		id bigint generated always as identity, account text not null, payload text not null, primary key (tx, id))`)
	return pg, db
}

type executor interface {
	Exec(statement string, args ...any) (sql.Result, error)
}

func exec(t *testing.T, db executor, statement string, args ...any) {
	_, err := db.Exec(statement, args...)
	require.NoError(t, err)
}

const insert = "insert into outbox (account, payload) values ($1, $2)"

// TestLaterCommitOfALowerNumber: its row is not passed over, and what is behind it waits.
func TestLaterCommitOfALowerNumber(t *testing.T) {
	_, db := fresh(t)
	r, err := outbox.New(db, config()).Open(t.Context(), 0, nil)
	require.NoError(t, err)
	slow, err := db.Begin()
	require.NoError(t, err)
	exec(t, slow, insert, "a", "first")
	exec(t, db, insert, "a", "second")
	records, _, err := r.Read(t.Context())
	require.NoError(t, err)
	require.Empty(t, records)
	require.NoError(t, slow.Commit())
	records, position, err := r.Read(t.Context())
	require.NoError(t, err)
	require.Len(t, records, 2)
	require.Equal(t, "first", records[0].Value)
	require.Equal(t, "second", records[1].Value)

	r, err = outbox.New(db, config()).Open(t.Context(), 0, position)
	require.NoError(t, err)
	records, _, err = r.Read(t.Context())
	require.NoError(t, err)
	require.Empty(t, records)
	var left int
	require.NoError(t, db.QueryRow("select count(*) from outbox").Scan(&left))
	require.Zero(t, left, "what is committed is deleted")
}

func TestUnfit(t *testing.T) {
	_, db := fresh(t)
	for text, change := range map[string]func(*outbox.Config[string, string]){
		`relation "missing" does not exist`: func(c *outbox.Config[string, string]) { c.Table = "missing" },
		`column "owner" does not exist`:     func(c *outbox.Config[string, string]) { c.Columns = []string{"owner"} },
		"Columns and Record are needed":     func(c *outbox.Config[string, string]) { c.Record = nil },
		"Rows is -1":                        func(c *outbox.Config[string, string]) { c.Rows = -1 },
		"is no name":                        func(c *outbox.Config[string, string]) { c.Table = "a b" },
	} {
		c := config()
		change(&c)
		_, err := outbox.New(db, c).Open(t.Context(), 0, nil)
		var unfit *connect.SetupError
		require.ErrorAs(t, err, &unfit)
		require.ErrorContains(t, err, text)
	}
	_, err := outbox.New(db, config()).Open(t.Context(), 1, nil)
	require.ErrorContains(t, err, "Splits must be 1")
	_, err = outbox.New(db, config()).Open(t.Context(), 0, []byte("{"))
	require.ErrorContains(t, err, "position")
}

// TestEachRowOnce: transactions that overlap and roll back, a database that is killed, runners that come and go.
func TestEachRowOnce(t *testing.T) {
	pg, db := fresh(t)
	b := broker.New(t)
	require.NoError(t, b.CreateTopics(t.Context(), 2, events))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	sent := 0
	for round := range 6 {
		r, err := connect.NewSource(events, outbox.New(db, config()), connect.SourceConfig{
			Brokers: b.Addrs(), Name: "outbox", PollInterval: time.Millisecond, BackoffMin: time.Millisecond,
			BackoffMax: 20 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		// Ends with ctx.
		go func() { ended <- r.Run(ctx) }()
		for range 50 { // transaction numbers get a fourth digit
			first, err := db.Begin()
			require.NoError(t, err)
			second, err := db.Begin()
			require.NoError(t, err)
			for range 1 + rng.IntN(5) {
				exec(t, first, insert, fmt.Sprint("a", rng.IntN(3)), fmt.Sprint(sent))
				exec(t, second, insert, fmt.Sprint("a", rng.IntN(3)), fmt.Sprint(sent+1))
				sent += 2
			}
			require.NoError(t, second.Commit())
			require.NoError(t, first.Commit())
			taken, err := db.Begin()
			require.NoError(t, err)
			exec(t, taken, insert, "b", "rolled back")
			require.NoError(t, taken.Rollback())
		}
		if round%2 == 0 {
			pg.Kill()
			pg.Restart()
		}
		for round == 5 && len(read(t, b)) < sent {
			require.NoError(t, t.Context().Err())
		}
		stop()
		require.NoError(t, <-ended)
	}
	once := map[string]int{}
	for _, r := range read(t, b) {
		once[r.Value]++
	}
	require.Len(t, once, sent)
	for payload, n := range once {
		require.Equal(t, 1, n, payload)
	}
}

func read(t *testing.T, b *broker.Broker) []streams.Record[string, string] {
	records, err := broker.Read(t.Context(), b, events)
	require.NoError(t, err)
	return records
}
