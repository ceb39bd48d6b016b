package rows

// Chunk is how many rows a column makes room for at a time.
const Chunk = 256

// Column holds the values of rows, under their ids: those of the young generation, and of the old one, see Rows. Ids
// count from 0 in each.
type Column interface {
	// Grow makes room for one more Chunk of values in the young generation. They are zero.
	Grow()
	// Decode makes a value of the bytes of the database, with which it shares no memory. It stays zero on an error.
	Decode(id int, src []byte) error
	// Append encodes a value.
	Append(dst []byte, id int) ([]byte, error)
	// Same is true if both decode, to the same value.
	Same(a, b []byte) bool
	// Clear makes a value zero.
	Clear(id int)
	// Save remembers a value before it is written; Back makes the one that was saved last the value again; Forget is
	// for when none will come back.
	Save(id int)
	Back(id int)
	Forget()
	// Age makes the young generation the old one, and begins an empty one.
	Age()
	// Carry copies a value of the old generation to the young one.
	Carry(from, to int)
	// DropOld forgets the old generation.
	DropOld()
}

// noColumn is the column of rows without values.
type noColumn struct{}

func (noColumn) Grow()                                    {}
func (noColumn) Decode(int, []byte) error                 { return nil }
func (noColumn) Append(dst []byte, _ int) ([]byte, error) { return dst, nil }
func (noColumn) Same([]byte, []byte) bool                 { return true }
func (noColumn) Clear(int)                                {}
func (noColumn) Save(int)                                 {}
func (noColumn) Back(int)                                 {}
func (noColumn) Forget()                                  {}
func (noColumn) Age()                                     {}
func (noColumn) Carry(int, int)                           {}
func (noColumn) DropOld()                                 {}
