package debezium

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// Op is what happened to a row.
type Op string

// The operations, as they stand in an envelope.
const (
	Create   Op = "c"
	Update   Op = "u"
	Delete   Op = "d"
	Read     Op = "r" // a row that a snapshot found
	Truncate Op = "t" // the whole table: no key, neither Before nor After
	Message  Op = "m" // of pg_logical_emit_message: no row, see Change.Message
)

// Change is one change of a row, as an envelope tells it.
type Change[R any] struct {
	Op Op
	// Before is the row as it was. It is none for Create and Read, and for Update unless the table's replica identity is
	// FULL; without that, for Delete, only its key can be relied on.
	Before streams.Optional[R]
	// After is the row as it is now. It is none for Delete, Truncate and Message.
	After streams.Optional[R]
	// Unavailable names the columns of After whose values the database did not send, as the update left them alone. Their
	// fields are zero.
	Unavailable []string
	Source      Source
	Transaction *Transaction // nil without provide.transaction.metadata, and for snapshots
	Message     *LogMessage  // of op Message
	At          time.Time    // when the connector had the change
}

// Source is where a change stands in the database's log.
type Source struct {
	Version   string // of the connector
	Connector string // its kind: postgresql, mysql
	Name      string // the topic prefix
	Database  string
	Schema    string
	Table     string
	Snapshot  string    // true, first, last, incremental, ... while a snapshot is read; else false or empty
	At        time.Time // of the commit, or of the snapshot
	TxID      int64     // PostgreSQL's; 0 if there is none
	LSN       int64     // PostgreSQL's, of this event; 0 if there is none
	Sequence  string    // PostgreSQL: a JSON array of the last commit's LSN and this one's
	// JSON is the whole block as it was sent, for what other connectors have: file and pos, gtid, scn. It is not written
	// back.
	JSON json.RawMessage
}

// Snapshotted is true for a row that a snapshot found.
func (s Source) Snapshotted() bool { return s.Snapshot != "" && s.Snapshot != "false" }

// Transaction is the place of a change in its transaction, with provide.transaction.metadata=true.
type Transaction struct {
	ID              string `json:"id"`
	TotalOrder      int64  `json:"total_order"`           // among all its events, from 1
	CollectionOrder int64  `json:"data_collection_order"` // among those of its table, from 1
}

// Key is what the events of one transaction share: PostgreSQL's id is a transaction's number, a colon, and the place of
// the very event.
func (t Transaction) Key() string { return transactionKey(t.ID) }

func transactionKey(id string) string {
	key, _, _ := strings.Cut(id, ":")
	return key
}

// LogMessage is what pg_logical_emit_message wrote.
type LogMessage struct {
	Prefix  string `json:"prefix"`
	Content []byte `json:"content"`
}

// CommitTime is the time at which the database committed a change, in milliseconds, for Topic.Timestamp. A tombstone,
// which has none, gets the highest time of its partition so far, or its own timestamp as the first record.
func CommitTime[K, R any](r streams.Record[K, Change[R]], partitionTime int64) (int64, error) {
	if r.NullValue || r.Value.Source.At.IsZero() {
		if partitionTime < 0 {
			return r.Timestamp, nil
		}
		return partitionTime, nil
	}
	return r.Value.Source.At.UnixMilli(), nil
}
