package debezium_test

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect/debezium"
	"github.com/millstream-go/millstream/testkit"
)

// golden is a record that Debezium 3.6 wrote of a PostgreSQL: testdata/README.md tells how.
type golden struct {
	Topic     string
	Offset    int64
	Timestamp int64
	Headers   []struct{ Key, Value string }
	Key       *string
	Value     *string
}

// records reads the records of a topic whose name ends so.
func records(t *testing.T, file, topic string) (out []golden) {
	f, err := os.Open("testdata/" + file + ".jsonl")
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g golden
		require.NoError(t, json.Unmarshal(lines.Bytes(), &g))
		if strings.HasSuffix(g.Topic, topic) {
			out = append(out, g)
		}
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, out)
	return out
}

func bytesOf(s *string) []byte {
	if s == nil {
		return nil
	}
	return []byte(*s)
}

func (g golden) raw() testkit.RawRecord {
	r := testkit.RawRecord{Key: bytesOf(g.Key), Value: bytesOf(g.Value), Timestamp: g.Timestamp}
	for _, h := range g.Headers {
		r.Headers = append(r.Headers, streams.Header{Key: h.Key, Value: []byte(h.Value)})
	}
	return r
}

type (
	uuid [16]byte

	// customer has a tag for whatever a topic without schemas does not say.
	customer struct {
		ID      int64            `debezium:"id"`
		Name    string           `debezium:"name"`
		Email   *string          `debezium:"email"`
		Balance debezium.Decimal `debezium:"balance,scale=2"`
		Active  bool             `debezium:"active"`
		Tags    []*string        `debezium:"tags"`
		Profile json.RawMessage  `debezium:"profile"`
		Ref     *uuid            `debezium:"ref"`
		Photo   []byte           `debezium:"photo"`
		Born    *time.Time       `debezium:"born,date"`
		Wakes   *time.Duration   `debezium:"wakes,micros"`
		Seen    *time.Time       `debezium:"seen,millis"`
		Created time.Time        `debezium:"created"`
		Note    *string          `debezium:"note"`
		Level   int32            `debezium:"level,optional"`
	}
	// texted is for decimal.handling.mode=string.
	texted struct {
		ID      int64            `debezium:"id"`
		Name    string           `debezium:"name"`
		Email   *string          `debezium:"email"`
		Balance debezium.Decimal `debezium:"balance"`
		Active  bool             `debezium:"active"`
		Tags    []*string        `debezium:"tags"`
		Profile json.RawMessage  `debezium:"profile"`
		Ref     *uuid            `debezium:"ref"`
		Photo   []byte           `debezium:"photo"`
		Born    *time.Time       `debezium:"born,date"`
		Wakes   *time.Duration   `debezium:"wakes,micros"`
		Seen    *time.Time       `debezium:"seen,millis"`
		Created time.Time        `debezium:"created"`
		Note    *string          `debezium:"note"`
		Level   int32            `debezium:"level,optional"`
	}
	// told leaves to the schemas what they say.
	told struct {
		ID      int64            `debezium:"id"`
		Name    string           `debezium:"name"`
		Email   *string          `debezium:"email"`
		Balance debezium.Decimal `debezium:"balance"`
		Active  bool             `debezium:"active"`
		Tags    []*string        `debezium:"tags"`
		Profile json.RawMessage  `debezium:"profile"`
		Ref     *uuid            `debezium:"ref"`
		Photo   []byte           `debezium:"photo"`
		Born    *time.Time       `debezium:"born"`
		Wakes   *time.Duration   `debezium:"wakes"`
		Seen    *time.Time       `debezium:"seen"`
		Created time.Time        `debezium:"created"`
		Note    *string          `debezium:"note"`
		Level   int32            `debezium:"level,optional"`
	}
)

func ptr[T any](v T) *T { return &v }

func date(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return at
}

var ada = customer{
	ID: 1, Name: "Ada", Email: ptr("ada@example.org"), Balance: "1234567.89", Active: true,
	Tags: []*string{ptr("a"), ptr("b c"), nil}, Profile: json.RawMessage(`{"k": [1, 2.50, null], "é": "ü"}`),
	Ref: &uuid{15: 0xa1}, Photo: []byte{0, 0xff, 0x10}, Born: ptr(date("1815-12-10T00:00:00Z")),
	Wakes: ptr(6*time.Hour + 30*time.Minute + 123456*time.Microsecond), Seen: ptr(date("2026-01-02T03:04:05.678Z")),
	Created: date("2026-01-02T03:04:05.678901Z"),
}

// decoded are the changes of customers; a tombstone is the zero value.
func decoded[R any](t *testing.T, file string, to func(R) customer) (out []debezium.Change[customer]) {
	s := debezium.JSON[R]()
	require.NoError(t, serde.ErrOf(s))
	for _, g := range records(t, file, ".customers") {
		if g.Value == nil {
			out = append(out, debezium.Change[customer]{})
			continue
		}
		c, err := s.Decode([]byte(*g.Value))
		require.NoError(t, err, "offset %d", g.Offset)
		again, err := s.Append(nil, c)
		if file == "plain" || file == "string" { // a schema's units are not in the types of told
			require.NoError(t, err)
			back, err := s.Decode(again)
			require.NoError(t, err, "%s", again)
			back.Source.JSON, back.Unavailable = c.Source.JSON, c.Unavailable
			require.Equal(t, c, back)
		}
		rows := debezium.Change[customer]{
			Op: c.Op, Unavailable: c.Unavailable, Source: c.Source, Transaction: c.Transaction, At: c.At,
		}
		if c.Before.OK {
			rows.Before = streams.Some(to(c.Before.Value))
		}
		if c.After.OK {
			rows.After = streams.Some(to(c.After.Value))
		}
		out = append(out, rows)
	}
	return out
}

// TestChangesThatDebeziumWrote: the rows are those of the SQL, in each way of writing them.
func TestChangesThatDebeziumWrote(t *testing.T) {
	for file, changes := range map[string][]debezium.Change[customer]{
		"plain":         decoded(t, "plain", func(r customer) customer { return r }),
		"string":        decoded(t, "string", func(r texted) customer { return customer(r) }),
		"schemas":       decoded(t, "schemas", func(r told) customer { return customer(r) }),
		"stringschemas": decoded(t, "stringschemas", func(r told) customer { return customer(r) }),
		"txn":           decoded(t, "txn", func(r texted) customer { return customer(r) }),
	} {
		t.Run(file, func(t *testing.T) {
			ops := ""
			for _, c := range changes {
				ops += string(c.Op) + "."
			}
			require.Equal(t, "r.r.c.u.u.c.u.d..c.d..u.c.c.c.", ops)
			require.Equal(t, streams.Some(ada), changes[0].After)
			require.True(t, changes[0].Source.Snapshotted())

			require.Equal(t, debezium.Decimal("-0.01"), changes[1].After.Value.Balance)
			require.Equal(t, debezium.Decimal("9999999999.99"), changes[2].After.Value.Balance)
			require.Equal(t, debezium.Decimal("1234567.90"), changes[3].After.Value.Balance)
			require.False(t, changes[3].Before.OK, "the default replica identity has none")
			require.False(t, changes[3].Source.Snapshotted())
			require.Equal(t, []string{"note"}, changes[4].Unavailable)
			require.Nil(t, changes[4].After.Value.Note)
			require.Equal(t, debezium.Decimal("-4.00"), changes[6].After.Value.Balance)
			require.False(t, changes[7].After.OK)
			require.Equal(t, customer{ID: 3, Balance: "0.00", Active: true, Created: date("1970-01-01T00:00:00Z")},
				changes[7].Before.Value, "made up, but for the key")
			require.EqualValues(t, 8, changes[12].After.Value.Level, "a column that came later")

			require.Equal(t, "postgresql public customers shop", strings.Join([]string{changes[2].Source.Connector,
				changes[2].Source.Schema, changes[2].Source.Table, changes[2].Source.Database}, " "))
			require.Positive(t, changes[2].Source.LSN)
			require.Greater(t, changes[3].Source.LSN, changes[2].Source.LSN)
			require.True(t, changes[2].At.After(changes[2].Source.At))
			require.Equal(t, file == "txn", changes[2].Transaction != nil)
		})
	}
}

type order struct {
	Region   string           `debezium:"region"`
	ID       int32            `debezium:"id"`
	Customer int64            `debezium:"customer_id"`
	Amount   debezium.Decimal `debezium:"amount"`
	Qty      *int16           `debezium:"qty,optional"`
	Placed   time.Time        `debezium:"placed"`
}

// TestNumericWithoutScale: each value has its own, and the row before is whole with REPLICA IDENTITY FULL.
func TestNumericWithoutScale(t *testing.T) {
	s := debezium.JSON[order]()
	for file, was := range map[string]debezium.Decimal{
		"plain": "19.99", "schemas": "19.99", "string": "19.990", "stringschemas": "19.990",
	} {
		var amounts []debezium.Decimal
		for _, g := range records(t, file, ".orders") {
			if g.Value == nil {
				continue
			}
			c, err := s.Decode([]byte(*g.Value))
			require.NoError(t, err)
			if c.Op == debezium.Update {
				require.Equal(t, was, c.Before.Value.Amount)
			}
			if c.After.OK {
				amounts = append(amounts, c.After.Value.Amount)
			}
		}
		require.Contains(t, amounts, debezium.Decimal("100000000000000000000.000000001"))
		require.Equal(t, []debezium.Decimal{"20", "1.5", "2.5", "7", "5"}, amounts[2:], file)
	}
}

// TestUnwrappedRows reads what ExtractNewRecordState leaves.
func TestUnwrappedRows(t *testing.T) {
	type row struct {
		texted
		Deleted string `debezium:"__deleted"`
	}
	s := debezium.JSONRow[row]()
	require.NoError(t, s.Err())
	var deleted []int64
	for i, g := range records(t, "unwrap", ".customers") {
		require.NotNil(t, g.Value)
		r, err := s.Decode([]byte(*g.Value))
		if i == 4 {
			var missing *debezium.UnavailableError
			require.ErrorAs(t, err, &missing)
			require.Equal(t, []string{"note"}, missing.Columns)
			continue
		}
		require.NoError(t, err)
		if i == 0 {
			require.Equal(t, ada, customer(r.texted))
		}
		if r.Deleted == "true" {
			deleted = append(deleted, r.ID)
		}
	}
	require.Equal(t, []int64{3, 30}, deleted)
}

func TestTransactionsThatDebeziumWrote(t *testing.T) {
	s, keys := debezium.JSONBoundary(), debezium.JSONColumn[string]("id")
	events := map[string]int64{}
	for _, g := range records(t, "txn", "txn.transaction") {
		b, err := s.Decode([]byte(*g.Value))
		require.NoError(t, err)
		id, err := keys.Decode([]byte(*g.Key))
		require.NoError(t, err)
		require.Equal(t, b.ID, id)
		if !b.Begin {
			events[b.Key()] = b.Events
			var sum int64
			for _, c := range b.Collections {
				sum += c.Events
			}
			require.Equal(t, b.Events, sum)
		}
		again, err := s.Append(nil, b)
		require.NoError(t, err)
		back, err := s.Decode(again)
		require.NoError(t, err)
		require.Equal(t, b, back)
	}
	require.Len(t, events, 15)

	counted := map[string]int64{}
	for _, topic := range []string{".customers", ".orders"} {
		for _, g := range records(t, "txn", topic) {
			var c struct{ Transaction *debezium.Transaction }
			if g.Value == nil {
				continue
			}
			require.NoError(t, json.Unmarshal([]byte(*g.Value), &c))
			if c.Transaction != nil {
				counted[c.Transaction.Key()]++
			}
		}
	}
	for key, n := range counted {
		require.Equal(t, events[key], n, "transaction %s", key)
	}
	require.EqualValues(t, 4, counted["747"], "two tables in one transaction")
}

// TestKeysHaveTheBytesOfTheTopic: joins by foreign key find the partition by them.
func TestKeysHaveTheBytesOfTheTopic(t *testing.T) {
	type orderKey struct {
		Region string `debezium:"region"`
		ID     int32  `debezium:"id"`
	}
	for _, file := range []string{"plain", "schemas"} {
		customers, orders := debezium.JSONColumn[int64]("id"), debezium.JSONRow[orderKey]()
		if file == "schemas" {
			customers = customers.WithSchema("schemas.public.customers.Key")
			orders = orders.WithSchema("schemas.public.orders.Key")
		}
		checkKeys(t, customers, records(t, file, ".customers"))
		checkKeys(t, orders, records(t, file, ".orders"))
	}
}

func checkKeys[K any](t *testing.T, s serde.Serde[K], records []golden) {
	require.NoError(t, serde.ErrOf(s))
	for _, g := range records {
		if g.Key == nil {
			continue
		}
		key, err := s.Decode([]byte(*g.Key))
		require.NoError(t, err)
		again, err := s.Append(nil, key)
		require.NoError(t, err)
		require.Equal(t, *g.Key, string(again))
	}
}

func TestKeyChange(t *testing.T) {
	keys := debezium.JSONColumn[int64]("id")
	all := records(t, "plain", ".customers")
	moved, err := debezium.NewKey(all[7].raw().Headers, keys)
	require.NoError(t, err)
	require.Equal(t, streams.Some(int64(30)), moved)
	was, err := debezium.OldKey(all[9].raw().Headers, keys)
	require.NoError(t, err)
	require.Equal(t, streams.Some(int64(3)), was)
	none, err := debezium.OldKey(all[2].raw().Headers, keys)
	require.NoError(t, err)
	require.False(t, none.OK)
}
