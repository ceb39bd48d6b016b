package debezium

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/millstream-go/millstream/serde"
)

// Boundary is a record of the topic <prefix>.transaction, with provide.transaction.metadata=true: where a transaction
// begins or ends. That topic is another than those of the tables, so a boundary may be read before the changes, or
// behind them: only Events tells when all of them are there.
type Boundary struct {
	Begin       bool // else it is the end
	ID          string
	Events      int64        // of an end: changes in all
	Collections []Collection // of an end: changes of each table
	At          time.Time    // when the connector had it
}

// Key is what the boundaries and changes of one transaction share, see Transaction.Key.
func (b Boundary) Key() string { return transactionKey(b.ID) }

// Collection is a table in a Boundary.
type Collection struct {
	Name   string `json:"data_collection"` // schema.table
	Events int64  `json:"event_count"`
}

// JSONBoundary is the serde of boundaries, as Connect's JSON converter writes them, with schemas or without. It writes
// them without. The serde of their keys, which are ids, is JSONColumn[string]("id").
func JSONBoundary() serde.Serde[Boundary] {
	return serde.New("debezium-boundary", appendBoundary, decodeBoundary)
}

type boundary struct {
	Schema      json.RawMessage `json:"schema,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"`
	Status      string          `json:"status"`
	ID          string          `json:"id"`
	Events      *int64          `json:"event_count"`
	Collections []Collection    `json:"data_collections"`
	Millis      int64           `json:"ts_ms"`
}

func decodeBoundary(src []byte) (Boundary, error) {
	var b boundary
	err := json.Unmarshal(src, &b)
	if payload := b.Payload; err == nil && payload != nil && b.Schema != nil {
		b = boundary{}
		err = json.Unmarshal(payload, &b)
	}
	if err != nil {
		return Boundary{}, fmt.Errorf("debezium: not a boundary of a transaction: %w", err)
	}
	if b.Status != "BEGIN" && b.Status != "END" || b.ID == "" {
		return Boundary{}, fmt.Errorf("debezium: not a boundary of a transaction: status %q, id %q", b.Status, b.ID)
	}
	out := Boundary{Begin: b.Status == "BEGIN", ID: b.ID, Collections: b.Collections, At: instant{Millis: b.Millis}.time()}
	if b.Events != nil {
		out.Events = *b.Events
	}
	return out, nil
}

func appendBoundary(dst []byte, v Boundary) ([]byte, error) {
	b := boundary{Status: "BEGIN", ID: v.ID, Millis: instantOf(v.At).Millis}
	if !v.Begin {
		b.Status, b.Events, b.Collections = "END", &v.Events, v.Collections
	}
	out, err := json.Marshal(b)
	return append(dst, out...), err
}
