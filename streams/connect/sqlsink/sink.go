package sqlsink

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/millstream-go/millstream/streams/connect"
)

// New makes the sink of a table. It uses db, which the caller opens and closes, for one transaction at a time. What is
// wrong with the Config, Open tells.
func New[K, V any](db *sql.DB, config Config[K, V]) connect.Sink[K, V] {
	if config.Places == "" {
		config.Places = "millstream_places"
	}
	if config.Refused == nil {
		config.Refused = RefusedByState
	}
	return &sink[K, V]{db: db, config: config, claims: map[connect.Partition]claim{}, sql: statements{
		table: config.Table, key: config.Key, columns: config.Columns, places: config.Places,
	}}
}

type sink[K, V any] struct {
	db     *sql.DB
	config Config[K, V]
	sql    statements

	mu     sync.Mutex
	claims map[connect.Partition]claim // of this instance
}

// claim is what a row of places had when a partition was claimed.
type claim struct {
	epoch   int64
	topicID sql.NullString // null: not known, as of a place of an earlier version
}

func (s *sink[K, V]) Open(ctx context.Context) error {
	if err := s.config.validate(); err != nil {
		return &connect.SetupError{What: "sqlsink.Config", Err: err}
	}
	if err := s.db.PingContext(ctx); err != nil {
		return s.trouble(err)
	}
	if err := s.openPlaces(ctx); err != nil {
		return s.unfit(ctx, s.config.Places, err)
	}
	if err := s.try(ctx, s.sql.check()); err != nil {
		return s.unfit(ctx, s.config.Table, err)
	}
	return nil
}

// openPlaces creates the table, or its column that earlier versions did not have. Who may not do so need not, once they
// are there; and another instance may be faster.
func (s *sink[K, V]) openPlaces(ctx context.Context) error {
	err := s.try(ctx, s.sql.lookPlaces())
	for _, statement := range []string{s.sql.createPlaces(), s.sql.growPlaces()} {
		if err == nil {
			return nil
		}
		serr := s.try(ctx, statement)
		if s.try(ctx, s.sql.lookPlaces()) == nil {
			return nil
		}
		if serr != nil {
			serr = fmt.Errorf("%s: %w", statement, serr)
		}
		err = errors.Join(err, serr)
	}
	return err
}

func (s *sink[K, V]) try(ctx context.Context, statement string) error {
	rows, err := s.db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		continue
	}
	return rows.Err()
}

// unfit is an error of a database that is there: what it says of a table is not trouble that passes.
func (s *sink[K, V]) unfit(ctx context.Context, table string, err error) error {
	if perr := s.db.PingContext(ctx); perr != nil {
		return s.trouble(perr)
	}
	return &connect.SetupError{What: fmt.Sprintf("table %q", table), Err: err}
}

func (s *sink[K, V]) trouble(err error) error { return fmt.Errorf("table %q: %w", s.config.Table, err) }

func (s *sink[K, V]) Claim(
	ctx context.Context, partitions []connect.Partition,
) (map[connect.Partition]int64, error) {
	sorted := slices.SortedFunc(slices.Values(partitions), byNumber) // so that two instances do not wait for each other
	known, claims := map[connect.Partition]int64{}, map[connect.Partition]claim{}
	err := s.transaction(ctx, func(tx *sql.Tx) error {
		for _, p := range sorted {
			var c claim
			var next sql.NullInt64
			row := tx.QueryRowContext(ctx, s.sql.claim(), s.config.Name, p.Topic, p.Number)
			if err := row.Scan(&c.epoch, &next, &c.topicID); err != nil {
				return err
			}
			if claims[p] = c; next.Valid {
				known[p] = next.Int64
			}
		}
		return nil
	})
	if err != nil {
		return nil, s.trouble(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.claims, claims)
	return known, nil
}

func byNumber(a, b connect.Partition) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Number, b.Number))
}

func (s *sink[K, V]) claim(p connect.Partition) claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[p]
}

// transaction commits what fn does, unless that fails.
func (s *sink[K, V]) transaction(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s *sink[K, V]) Write(ctx context.Context, batches []connect.Batch[K, V]) error {
	ordered := slices.SortedFunc(slices.Values(batches), func(a, b connect.Batch[K, V]) int {
		return byNumber(a.Partition, b.Partition)
	})
	puts, deletes, err := s.rows(ordered)
	if err != nil {
		return err
	}
	var lost *connect.LostRecordsError
	err = s.transaction(ctx, func(tx *sql.Tx) error {
		for _, b := range ordered {
			if err := s.move(ctx, tx, b); err != nil {
				return err
			}
		}
		if err := run(ctx, tx, puts, s.sql.upsert); err != nil {
			return err
		}
		return run(ctx, tx, deletes, s.sql.remove)
	})
	switch {
	case err == nil:
		return nil
	case errors.As(err, &lost):
		return lost
	case errors.Is(err, errWritten): // the answer to an earlier call was lost
		return nil
	case s.config.Refused(err):
		return &connect.RefusedError{Err: err}
	}
	return s.trouble(err)
}

// errWritten takes the transaction back: all of it has been committed before.
var errWritten = errors.New("sqlsink: written before")

// move moves a place on, under this instance's claim. A place that is behind the batch already is that of an earlier
// call, whose answer was lost: calls are repeated whole, so all partitions of it are.
func (s *sink[K, V]) move(ctx context.Context, tx *sql.Tx, b connect.Batch[K, V]) error {
	p, mine := b.Partition, s.claim(b.Partition)
	topicID, err := mine.check(b.Partition, b.TopicID)
	if err != nil {
		return err
	}
	done, err := tx.ExecContext(ctx, s.sql.move(), b.Next, s.config.Name, p.Topic, p.Number, mine.epoch, b.First, topicID)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); n == 1 || err != nil {
		return err
	}
	var epoch int64
	var next sql.NullInt64
	err = tx.QueryRowContext(ctx, s.sql.place(), s.config.Name, p.Topic, p.Number).Scan(&epoch, &next)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case err == nil && epoch == mine.epoch && next.Int64 == b.Next:
		return errWritten
	}
	return fmt.Errorf("%w: sink %q, %v from offset %d", connect.ErrFenced, s.config.Name, p, b.First)
}

// check is the id to keep with the place: that of the batch. Where the place is one in another topic, its offset means
// nothing in this one.
func (c claim) check(p connect.Partition, of [16]byte) (sql.NullString, error) {
	if of == [16]byte{} {
		return c.topicID, nil
	}
	id := base64.RawURLEncoding.EncodeToString(of[:]) // as Kafka's tools show it
	if c.topicID.Valid && c.topicID.String != id {
		return c.topicID, &connect.LostRecordsError{Partition: p, Err: fmt.Errorf(
			"the topic was created anew: the place is one in the topic with id %s, its id is %s", c.topicID.String, id)}
	}
	return sql.NullString{String: id, Valid: true}, nil
}

// rows are the values of the rows to write, and the keys of those to delete: of each key the last record counts, as a
// statement must not touch a row twice.
func (s *sink[K, V]) rows(batches []connect.Batch[K, V]) (puts, deletes [][]any, err error) {
	last := map[string]int{} // in changes
	var changes [][]any      // of a delete, the key only
	var refused []connect.Refusal
	for _, b := range batches {
		for _, r := range b.Records {
			if r.NullKey {
				refused = append(refused, connect.Refusal{Partition: b.Partition, Offset: r.Offset, Err: errNoKey})
				continue
			}
			row := s.config.KeyOf(r.Key)
			key := keyOf(row)
			if !r.NullValue && s.config.Values != nil {
				row = append(slices.Clip(row), s.config.Values(r.Value)...)
			}
			if want := s.width(r.NullValue); len(row) != want {
				return nil, nil, &connect.SetupError{What: "sqlsink.Config", Err: fmt.Errorf(
					"KeyOf and Values give %d values for %d columns", len(row), want)}
			}
			if r.NullValue {
				row = append([]any{gone}, row...)
			}
			if at, ok := last[key]; ok {
				changes[at] = row
				continue
			}
			last[key] = len(changes)
			changes = append(changes, row)
		}
	}
	if len(refused) > 0 {
		return nil, nil, &connect.RefusedError{Err: errNoKey}
	}
	for _, row := range changes {
		if row[0] == gone {
			deletes = append(deletes, row[1:])
		} else {
			puts = append(puts, row)
		}
	}
	return puts, deletes, nil
}

// keyOf is equal for keys that a database takes for one. It goes by what drivers are given: values that are pointers,
// or hold some, differ in Go.
func keyOf(values []any) string {
	var b strings.Builder
	for _, v := range values {
		if plain, err := driver.DefaultParameterConverter.ConvertValue(v); err == nil {
			v = plain
		}
		if at, ok := v.(time.Time); ok {
			v = at.UTC()
		}
		fmt.Fprintf(&b, "%#v,", v)
	}
	return b.String()
}

var errNoKey = errors.New("sqlsink: a record without a key has no row")

// gone marks a delete among the rows.
var gone = new(byte)

func (s *sink[K, V]) width(deleted bool) int {
	if deleted {
		return len(s.config.Key)
	}
	return len(s.config.Key) + len(s.config.Columns)
}

// run writes rows, so many with one statement.
func run(ctx context.Context, tx *sql.Tx, rows [][]any, statement func(n int) string) error {
	for part := range slices.Chunk(rows, rowsAtOnce) {
		if _, err := tx.ExecContext(ctx, statement(len(part)), slices.Concat(part...)...); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink[K, V]) Close() error { return nil }
