package state

import "github.com/millstream-go/millstream/internal/rows"

// Budget is the memory that the cached rows of all stores of a process may use together. Limit and Used are bytes; it
// is Over when more is cached than it allows: stores drop clean rows at their next commit, and one with dirty rows
// should commit soon.
type Budget = rows.Budget

// NewBudget is a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return rows.NewBudget(bytes) }

// Silence is the time without records: Since is the wall clock when the last one came, in milliseconds, Time the stream
// time then, -1 until somebody has looked at it.
type Silence = rows.Silence

// Changelog takes the changelog records of a commit. Room is an empty slice to append to; Keep takes what was appended;
// Append adds a record, of slices that were kept. A nil value is a delete.
type Changelog = rows.Changelog

// ErrChangedInPlace is the error of a store that finds a value changed which nobody has put.
var ErrChangedInPlace = rows.ErrChangedInPlace

// ErrEncode is the error of a commit, or of a Put, see Env.EncodeOnPut, that meets a value which its serde cannot
// encode. One that is put over before the commit is not encoded.
var ErrEncode = rows.ErrEncode

// ErrTooLarge is the error of a Put of a row that Kafka refuses in the store's changelog. It is known to do so once it
// has refused one of that size: then the records since the last commit are processed again, and the one that puts it
// fails.
var ErrTooLarge = rows.ErrTooLarge
