package state

import "github.com/millstream-go/millstream/internal/rows"

// ErrChangedInPlace is the error of a store that finds a value changed which nobody has put.
var ErrChangedInPlace = rows.ErrChangedInPlace

// ErrEncode is the error of a commit, or of a Put, that meets a value which its serde cannot
// encode. One that is put over before the commit is not encoded.
var ErrEncode = rows.ErrEncode

// ErrTooLarge is the error of a Put of a row that Kafka refuses in the store's changelog. It is known to do so once it
// has refused one of that size: then the records since the last commit are processed again, and the one that puts it
// fails. Once the topic's max.message.bytes was changed, rows are tried again.
var ErrTooLarge = rows.ErrTooLarge

// ErrReadOnly is the error of a write to a store that may only be read: one that was opened by a query, or, in a step
// of a stream, that of a global table.
var ErrReadOnly = rows.ErrReadOnly
