package sqlsink_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/millstream-go/millstream/internal/servicetest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/sqlsink"
	"github.com/millstream-go/millstream/testkit/broker"
)

type total struct {
	Cents int64  `json:"cents"`
	Note  string `json:"note"`
}

type (
	record    = streams.Record[string, total]
	batch     = connect.Batch[string, total]
	partition = connect.Partition
)

var totals = streams.NewTopic("totals", serde.String, serde.JSON[total]())

func config() sqlsink.Config[string, total] {
	return sqlsink.Config[string, total]{
		Name: "totals", Table: "totals", Key: []string{"customer"}, Columns: []string{"cents", "note"},
		KeyOf:  func(c string) []any { return []any{c} },
		Values: func(t total) []any { return []any{t.Cents, t.Note} },
	}
}

func open(t *testing.T, url string) *sql.DB {
	db, err := sql.Open("postgres", url)
	require.NoError(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

const schema = "create table totals (customer text primary key, cents bigint not null check (cents >= 0), note varchar(10))"

func fresh(t *testing.T) (*servicetest.Server, *sql.DB) {
	pg := servicetest.StartPostgres(t)
	db := open(t, pg.URL)
	exec(t, db, schema)
	return pg, db
}

func exec(t *testing.T, db *sql.DB, statement string, args ...any) {
	_, err := db.Exec(statement, args...)
	require.NoError(t, err)
}

func rows(t *testing.T, db *sql.DB) map[string]total {
	found, err := db.Query("select customer, cents, note from totals")
	require.NoError(t, err)
	defer found.Close()
	out := map[string]total{}
	for found.Next() {
		var c string
		var v total
		require.NoError(t, found.Scan(&c, &v.Cents, &v.Note))
		out[c] = v
	}
	require.NoError(t, found.Err())
	return out
}

// of is a batch of records that begins at an offset; a negative amount is a null.
func of(number int32, first int64, records ...record) batch {
	b := batch{Partition: partition{Topic: "t", Number: number}, First: first, Next: first + int64(len(records))}
	for i, r := range records {
		b.Records = append(b.Records, connect.Record[string, total]{Record: r, Offset: first + int64(i)})
	}
	return b
}

func at(number int32) partition { return partition{Topic: "t", Number: number} }

func put(key string, cents int64) record { return record{Key: key, Value: total{Cents: cents}} }
func del(key string) record              { return record{Key: key, NullValue: true} }

func claim(t *testing.T, s connect.Sink[string, total], numbers ...int32) map[partition]int64 {
	var ps []partition
	for _, n := range numbers {
		ps = append(ps, partition{Topic: "t", Number: n})
	}
	known, err := s.Claim(t.Context(), ps)
	require.NoError(t, err)
	return known
}

func opened(t *testing.T, db *sql.DB, c sqlsink.Config[string, total]) connect.Sink[string, total] {
	s := sqlsink.New(db, c)
	require.NoError(t, s.Open(t.Context()))
	return s
}

// TestRowsAndPlaceMoveTogether: upserts, deletes, many records of one key, several partitions; and what was written is
// where reading goes on.
func TestRowsAndPlaceMoveTogether(t *testing.T) {
	_, db := fresh(t)
	s := opened(t, db, config())
	require.Empty(t, claim(t, s, 0, 1))
	require.NoError(t, s.Write(t.Context(), []batch{
		of(1, 0, put("a", 1), put("b", 2), put("a", 3), del("b"), put("c", 4), del("c"), put("c", 5)),
		of(0, 0, put("d", 6)),
	}))
	require.Equal(t, map[string]total{"a": {Cents: 3}, "c": {Cents: 5}, "d": {Cents: 6}}, rows(t, db))
	require.NoError(t, s.Write(t.Context(), []batch{of(1, 7, del("a"), del("no such row"))}))
	require.NoError(t, s.Write(t.Context(), []batch{{Partition: at(0), First: 1, Next: 20}}))
	require.Equal(t, map[string]total{"c": {Cents: 5}, "d": {Cents: 6}}, rows(t, db))

	var many []record
	for i := range 1000 {
		many = append(many, put(fmt.Sprint("k", i), int64(i)))
	}
	require.NoError(t, s.Write(t.Context(), []batch{of(0, 20, many...)}))
	require.Len(t, rows(t, db), 1002)
	again := opened(t, db, config())
	require.Equal(t, map[partition]int64{at(0): 1020, at(1): 9}, claim(t, again, 0, 1))
	other := config()
	other.Name = "another"
	require.Empty(t, claim(t, opened(t, db, other), 0, 1), "another sink has a place of its own")
}

// TestZombieChangesNothing: who was claimed away writes no more, not even what it has begun; a repeated call is told
// from that.
func TestZombieChangesNothing(t *testing.T) {
	_, db := fresh(t)
	old, young := opened(t, db, config()), opened(t, db, config())
	claim(t, old, 0)
	require.NoError(t, old.Write(t.Context(), []batch{of(0, 0, put("a", 1))}))
	require.NoError(t, old.Write(t.Context(), []batch{of(0, 0, put("a", 1))}), "the answer was lost: it is written")
	require.ErrorIs(t, old.Write(t.Context(), []batch{of(0, 0, put("a", 9), put("b", 9))}), connect.ErrFenced)

	require.Equal(t, map[partition]int64{at(0): 1}, claim(t, young, 0))
	require.ErrorIs(t, old.Write(t.Context(), []batch{of(0, 1, put("a", 2))}), connect.ErrFenced)
	require.NoError(t, young.Write(t.Context(), []batch{of(0, 1, put("a", 3))}))
	require.ErrorIs(t, old.Write(t.Context(), []batch{of(0, 1, put("a", 2))}), connect.ErrFenced)
	require.ErrorIs(t, old.Write(t.Context(), []batch{of(1, 0, put("b", 2))}), connect.ErrFenced, "never claimed")
	require.Equal(t, map[string]total{"a": {Cents: 3}}, rows(t, db))

	// A claim waits for the transaction of the one before, and reads on behind it.
	tx, err := db.Begin()
	require.NoError(t, err)
	_, err = tx.Exec("update millstream_places set next = 5 where sink = 'totals' and partition = 0")
	require.NoError(t, err)
	claimed := make(chan map[partition]int64)
	third := opened(t, db, config())
	// Ends when the transaction does.
	go func() {
		known, err := third.Claim(context.Background(), []partition{at(0)})
		if err != nil {
			known = nil
		}
		claimed <- known
	}()
	for waiting := 0; waiting == 0; {
		require.NoError(t, db.QueryRow("select count(*) from pg_locks where not granted").Scan(&waiting))
	}
	require.NoError(t, tx.Commit())
	require.Equal(t, map[partition]int64{at(0): 5}, <-claimed)
}

// TestUnfitTables are told at start, by name.
func TestUnfitTables(t *testing.T) {
	_, db := fresh(t)
	exec(t, db, "create table loose (customer text, cents bigint, note text)")
	for text, change := range map[string]func(*sqlsink.Config[string, total]){
		`table "missing" is not as it must be`: func(c *sqlsink.Config[string, total]) { c.Table = "missing" },
		`column "euros" of relation "totals"`: func(c *sqlsink.Config[string, total]) {
			c.Columns = []string{"euros", "note"}
		},
		`column "client" of relation`:       func(c *sqlsink.Config[string, total]) { c.Key = []string{"client"} },
		"no unique or exclusion constraint": func(c *sqlsink.Config[string, total]) { c.Table = "loose" },
		"Name is needed":                    func(c *sqlsink.Config[string, total]) { c.Name = "" },
		`"totals; drop" is no name`:         func(c *sqlsink.Config[string, total]) { c.Table = "totals; drop" },
		"Key and KeyOf are needed":          func(c *sqlsink.Config[string, total]) { c.KeyOf = nil },
		"Values is needed for Columns":      func(c *sqlsink.Config[string, total]) { c.Values = nil },
		`schema "nowhere" does not exist`:   func(c *sqlsink.Config[string, total]) { c.Places = "nowhere.places" },
	} {
		c := config()
		change(&c)
		err := sqlsink.New(db, c).Open(t.Context())
		var unfit *connect.SetupError
		require.ErrorAs(t, err, &unfit, text)
		require.ErrorContains(t, err, text)
	}
	c := config()
	c.Values = func(total) []any { return nil }
	s := opened(t, db, c)
	claim(t, s, 0)
	require.ErrorContains(t, s.Write(t.Context(), []batch{of(0, 0, put("a", 1))}), "give 1 values for 3 columns")

	exec(t, db, "create schema own; create table own.totals (customer text primary key)")
	c = config()
	c.Table, c.Columns, c.Values, c.Places = "own.totals", nil, nil, "own.places"
	s = opened(t, db, c)
	claim(t, s, 0)
	claim(t, s, 0)
	require.NoError(t, s.Write(t.Context(), []batch{of(0, 0, put("a", 1), put("b", 1), del("a"))}))
	require.NoError(t, s.Write(t.Context(), []batch{of(0, 3, put("b", 1))}), "a set of keys")
}

// TestRefusedByTheDatabase: what is the record's fault, and what is trouble that passes.
func TestRefusedByTheDatabase(t *testing.T) {
	_, db := fresh(t)
	s := opened(t, db, config())
	claim(t, s, 0)
	var refused *connect.RefusedError
	for _, bad := range []record{
		put("a", -1), {Key: "a", Value: total{Note: "longer than ten"}}, {Key: "\x00"}, {NullKey: true},
	} {
		require.ErrorAs(t, s.Write(t.Context(), []batch{of(0, 0, put("b", 1), bad)}), &refused)
		require.Empty(t, rows(t, db), "all or nothing")
	}
	exec(t, db, "alter table totals rename to away")
	err := s.Write(t.Context(), []batch{of(0, 0, put("b", 1))})
	require.ErrorContains(t, err, `table "totals"`)
	require.False(t, errors.As(err, new(*connect.SetupError)) || errors.As(err, &refused), "it may come back")
	require.True(t, sqlsink.RefusedByState(&pq.Error{Code: "22003"}))
	require.False(t, sqlsink.RefusedByState(&pq.Error{Code: "40001"}))
}

// TestDatabaseGoesAway: a runner waits for it, says so by name, and loses and doubles nothing. One bad record is found.
func TestDatabaseGoesAway(t *testing.T) {
	pg, db := fresh(t)
	b := broker.New(t)
	dead := streams.NewTopic("dead", serde.String, serde.JSON[total]())
	require.NoError(t, b.CreateTopics(t.Context(), 3, totals, dead))
	exec(t, db, "create table writes (n bigserial, customer text, cents bigint)")
	exec(t, db, `create function note() returns trigger language plpgsql as $$
		begin insert into writes (customer, cents) values (new.customer, new.cents); return new; end $$`)
	exec(t, db, "create trigger noted after insert or update on totals for each row execute function note()")
	r, err := connect.New(totals, sqlsink.New(db, config()), connect.Config{
		Brokers: b.Addrs(), Group: "away", BackoffMin: time.Millisecond, BackoffMax: 50 * time.Millisecond, BatchRecords: 50,
		OnError: streams.DeadLetter, DeadLetterTopic: dead.Name(), Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	// Ends with ctx.
	go func() { ended <- r.Run(ctx) }()
	want, n := map[string]total{}, 0
	for round := range 6 {
		var records []record
		for i := range 300 {
			rec := put(fmt.Sprint("k", n), int64(n))
			if n++; i == 150 {
				rec.Value.Note = "longer than ten"
			} else {
				want[rec.Key] = rec.Value
			}
			records = append(records, rec)
		}
		if round%2 == 1 {
			pg.Kill()
		}
		require.NoError(t, broker.Produce(t.Context(), b, totals, records...))
		if round%2 == 1 {
			for r.Status().Waiting == nil {
				time.Sleep(time.Millisecond)
			}
			pg.Restart()
		}
		for s := r.Status(); s.Written+s.Refused < int64(n); s = r.Status() {
			require.NoError(t, t.Context().Err())
			time.Sleep(time.Millisecond)
		}
	}
	stop()
	require.NoError(t, <-ended)
	require.Equal(t, want, rows(t, db))
	var writes int
	require.NoError(t, db.QueryRow("select count(*) from writes").Scan(&writes))
	require.Equal(t, len(want), writes, "each record once")
	letters, err := broker.Read(t.Context(), b, dead)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(letters), 6)
}

// TestInstancesThatStartTogether: PostgreSQL lets one of those create the table of places, and gives the others an
// error.
func TestInstancesThatStartTogether(t *testing.T) {
	_, db := fresh(t)
	for range 20 {
		var all errgroup.Group
		for range 8 {
			all.Go(func() error { return sqlsink.New(db, config()).Open(t.Context()) })
		}
		require.NoError(t, all.Wait())
		exec(t, db, "drop table millstream_places")
	}
}
