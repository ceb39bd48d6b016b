package sqlsink

import (
	"database/sql/driver"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
)

// amount is a key that databases get as text, as decimals of other packages are: it holds a pointer.
type amount struct{ n *big.Int }

func (a amount) Value() (driver.Value, error) { return a.n.String(), nil }

// TestOneRowForEachKey: of each key the last record counts, also where its values are pointers, or hold some.
func TestOneRowForEachKey(t *testing.T) {
	zone := time.FixedZone("", 3600)
	for name, keyOf := range map[string]func(k string) []any{
		"text":      func(k string) []any { return []any{k} },
		"a pointer": func(k string) []any { return []any{&k} },
		"a valuer":  func(string) []any { return []any{amount{big.NewInt(7)}} },
		"bytes":     func(k string) []any { return []any{[]byte(k)} },
		"a list":    func(k string) []any { return []any{[]string{k}} },
		"a time": func(k string) []any {
			at := time.Unix(5, 6)
			if k == "a" {
				at = at.In(zone)
			}
			return []any{at}
		},
		"several": func(k string) []any { return []any{&k, 5, nil} },
	} {
		s := New(nil, Config[string, int]{
			KeyOf: keyOf, Key: make([]string, len(keyOf("a"))), Columns: []string{"n"}, Values: func(n int) []any { return []any{n} },
		}).(*sink[string, int])
		record := func(v int) connect.Record[string, int] {
			return connect.Record[string, int]{Record: streams.Record[string, int]{Key: "a", Value: v, NullValue: v == 0}}
		}
		puts, deletes, err := s.rows([]connect.Batch[string, int]{
			{Records: []connect.Record[string, int]{record(1), record(0), record(2)}},
		})
		require.NoError(t, err, name)
		require.Len(t, puts, 1, name)
		require.Equal(t, 2, puts[0][len(puts[0])-1], name)
		require.Empty(t, deletes, "%s: a delete comes behind the puts", name)
	}
}
