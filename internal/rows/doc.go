// Package rows is what stores of all kinds are made of, and knows no types: rows under encoded keys, with a timestamp,
// ordered by the bytes of the key, decoded while in memory.
//
// The values lie in a Column, one for each Rows, under the id that the row has there. What has types is the column,
// and the handle of package state that encodes a key, asks Rows for the id, and reads or writes the column: whoever
// declares a store compiles those two in his own package, and nothing of this one.
//
// Types that handles hold must not lead to generic ones, not even by a field or the parameter of a method: the compiler
// builds an instance anew in each package that reads it. So the order of rows (a B-tree) and walks are interfaces.
package rows
