// Package outbox reads a table of a PostgreSQL into which a service writes what is to be sent, in the transactions that
// change its other tables: each row becomes a record, once, in the order in which transactions began.
//
//	create table outbox (
//		tx      xid8   not null default pg_current_xact_id(),
//		id      bigint generated always as identity,
//		account text   not null,
//		payload jsonb  not null,
//		primary key (tx, id)
//	);
//
// A number from a sequence does not do as a place by itself: a transaction that took a lower one may commit later, and
// its row would be passed over. So rows are read once no transaction runs any more that began before theirs. One that
// stays open for long holds the outbox up for as long.
package outbox

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
)

// Config says what is read.
type Config[K, V any] struct {
	// Table is the table, with its schema if need be. It has the columns tx and id as above.
	Table string
	// Columns are those that a record is made of.
	Columns []string
	// Record makes a record of a row: scan takes a pointer for each of Columns, as that of sql.Rows does.
	Record func(scan func(columns ...any) error) (streams.Record[K, V], error)
	// Rows is the most rows of one transaction. Default: 500.
	Rows int
	// Delete deletes rows once their records are committed.
	Delete bool
}

// New makes the source of a table, of one split. It uses db, which the caller opens and closes.
func New[K, V any](db *sql.DB, config Config[K, V]) connect.Source[K, V] {
	if config.Rows == 0 {
		config.Rows = 500
	}
	return &source[K, V]{db: db, config: config}
}

type source[K, V any] struct {
	db     *sql.DB
	config Config[K, V]
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

func (c Config[K, V]) validate(split int32) error {
	for _, name := range append([]string{c.Table}, c.Columns...) {
		if !identifier.MatchString(name) {
			return fmt.Errorf("outbox: %q is no name of a table or column", name)
		}
	}
	switch {
	case len(c.Columns) == 0 || c.Record == nil:
		return errors.New("outbox: Columns and Record are needed")
	case c.Rows < 1:
		return fmt.Errorf("outbox: Rows is %d: must be 1 or more", c.Rows)
	case split > 0:
		return errors.New("outbox: it is one split: SourceConfig.Splits must be 1")
	}
	return nil
}

// place is behind a row.
type place struct {
	TX string `json:"tx"`
	ID int64  `json:"id"`
}

func (s *source[K, V]) Open(ctx context.Context, split int32, position []byte) (connect.Reader[K, V], error) {
	if err := s.config.validate(split); err != nil {
		return nil, &connect.SetupError{What: "outbox.Config", Err: err}
	}
	r := &reader[K, V]{source: s, at: place{TX: "0"}}
	if position != nil {
		if err := json.Unmarshal(position, &r.at); err != nil {
			return nil, &connect.SetupError{What: fmt.Sprintf("position %q", position), Err: err}
		}
		r.sent = true
	}
	if err := s.db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("table %q: %w", s.config.Table, err)
	}
	if rows, err := s.db.QueryContext(ctx, s.query(), r.at.TX, r.at.ID, 0); err == nil {
		return r, rows.Close()
	} else if s.db.PingContext(ctx) == nil {
		return nil, &connect.SetupError{What: fmt.Sprintf("table %q", s.config.Table), Err: err}
	} else {
		return nil, fmt.Errorf("table %q: %w", s.config.Table, err)
	}
}

func (s *source[K, V]) query() string {
	// Without o. the order would be that of the text, as the result has a column tx, too.
	return fmt.Sprintf("SELECT o.tx::text, o.id, %s FROM %s o WHERE (o.tx, o.id) > ($1::xid8, $2::bigint) "+
		"AND o.tx < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY o.tx, o.id LIMIT $3",
		strings.Join(s.config.Columns, ", "), s.config.Table)
}

type reader[K, V any] struct {
	*source[K, V]
	at   place
	sent bool // rows up to at are committed, and have not been deleted
}

// Read is called again only when the records of the call before are committed.
func (r *reader[K, V]) Read(ctx context.Context) (out []streams.Record[K, V], position []byte, err error) {
	if r.config.Delete && r.sent {
		statement := "DELETE FROM " + r.config.Table + " WHERE (tx, id) <= ($1::xid8, $2::bigint)"
		if _, err := r.db.ExecContext(ctx, statement, r.at.TX, r.at.ID); err != nil {
			return nil, nil, fmt.Errorf("table %q: %w", r.config.Table, err)
		}
		r.sent = false
	}
	rows, err := r.db.QueryContext(ctx, r.query(), r.at.TX, r.at.ID, r.config.Rows)
	if err != nil {
		return nil, nil, fmt.Errorf("table %q: %w", r.config.Table, err)
	}
	defer rows.Close()
	for rows.Next() {
		record, err := r.config.Record(func(columns ...any) error {
			return rows.Scan(append([]any{&r.at.TX, &r.at.ID}, columns...)...)
		})
		if err != nil {
			return nil, nil, fmt.Errorf("table %q, behind row %+v: %w", r.config.Table, r.at, err)
		}
		out = append(out, record)
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("table %q: %w", r.config.Table, err)
	}
	r.sent = r.sent || len(out) > 0
	position, err = json.Marshal(r.at)
	return out, position, err
}

func (r *reader[K, V]) Close() error { return nil }
