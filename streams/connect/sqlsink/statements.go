package sqlsink

import (
	"fmt"
	"strings"
)

// statements are the SQL of a table, in what PostgreSQL and SQLite share.
type statements struct {
	table   string
	key     []string
	columns []string
	places  string
}

// rowsAtOnce bounds the parameters of one statement.
const rowsAtOnce = 200

// upsert writes n rows, whose values follow each other: those of the key, then the others.
func (s statements) upsert(n int) string {
	all := append(append([]string{}, s.key...), s.columns...)
	var b strings.Builder
	fmt.Fprintf(&b, "INSERT INTO %s (%s) VALUES ", s.table, strings.Join(all, ", "))
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + parameters(i*len(all), len(all)) + ")")
	}
	return b.String() + s.conflict()
}

func (s statements) conflict() string {
	on := " ON CONFLICT (" + strings.Join(s.key, ", ") + ") DO "
	if len(s.columns) == 0 {
		return on + "NOTHING"
	}
	set := make([]string, len(s.columns))
	for i, c := range s.columns {
		set[i] = c + " = excluded." + c
	}
	return on + "UPDATE SET " + strings.Join(set, ", ")
}

// remove deletes the rows of n keys.
func (s statements) remove(n int) string {
	keys := make([]string, n)
	for i := range n {
		columns := make([]string, len(s.key))
		for j, c := range s.key {
			columns[j] = fmt.Sprintf("%s = $%d", c, i*len(s.key)+j+1)
		}
		keys[i] = strings.Join(columns, " AND ")
	}
	return "DELETE FROM " + s.table + " WHERE " + strings.Join(keys, " OR ")
}

// check is a statement that changes nothing, and fails unless table, columns and a unique index are there.
func (s statements) check() string {
	all := append(append([]string{}, s.key...), s.columns...)
	return fmt.Sprintf("EXPLAIN INSERT INTO %s (%s) VALUES (%s)%s", s.table, strings.Join(all, ", "),
		strings.Repeat(", NULL", len(all))[2:], s.conflict())
}

func (s statements) lookPlaces() string {
	return "SELECT sink, topic, partition, epoch, next, topic_id FROM " + s.places + " WHERE sink IS NULL"
}

func (s statements) createPlaces() string {
	return "CREATE TABLE IF NOT EXISTS " + s.places + " (sink text NOT NULL, topic text NOT NULL, " +
		"partition integer NOT NULL, epoch bigint NOT NULL, next bigint, topic_id text, " +
		"PRIMARY KEY (sink, topic, partition))"
}

// growPlaces gives a table of an earlier version the column that it lacks.
func (s statements) growPlaces() string {
	return "ALTER TABLE " + s.places + " ADD COLUMN topic_id text"
}

// claim waits for a transaction that has the row locked: what that commits counts, later ones find another epoch.
func (s statements) claim() string {
	return "INSERT INTO " + s.places + " (sink, topic, partition, epoch) VALUES ($1, $2, $3, 1) " +
		"ON CONFLICT (sink, topic, partition) DO UPDATE SET epoch = " + unqualified(s.places) + ".epoch + 1 " +
		"RETURNING epoch, next, topic_id"
}

// move locks the row, and finds none if another claim has come, or if the records have been written before.
func (s statements) move() string {
	return "UPDATE " + s.places + " SET next = $1, topic_id = $7 WHERE sink = $2 AND topic = $3 AND partition = $4 " +
		"AND epoch = $5 AND (next IS NULL OR next <= $6)"
}

func (s statements) place() string {
	return "SELECT epoch, next FROM " + s.places + " WHERE sink = $1 AND topic = $2 AND partition = $3"
}

func unqualified(table string) string { return table[strings.LastIndex(table, ".")+1:] }

func parameters(from, n int) string {
	out := make([]string, n)
	for i := range n {
		out[i] = fmt.Sprintf("$%d", from+i+1)
	}
	return strings.Join(out, ", ")
}
