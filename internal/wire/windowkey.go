package wire

// SessionKey appends the key of a session, which is the same in topics, stores and changelogs: the key of the records,
// then the end and, behind it, the start, in milliseconds as int64. Both belong to the session.
func SessionKey(dst, key []byte, end, start int64) []byte {
	return appendInt64(appendInt64(append(dst, key...), end), start)
}

// SplitSessionKey takes a SessionKey apart. key is a part of b.
func SplitSessionKey(b []byte) (key []byte, end, start int64, err error) {
	r := reader{src: b}
	key, end, start = r.rest(16), r.int64(), r.int64()
	return key, end, start, r.end("session key")
}

// ChangelogKey appends the key of a row in the changelog of a window store: the key of the records, the start of the
// window in milliseconds as int64, and a number as int32. That is 0, but for the buffers of stream-stream joins, which
// keep rows of the same key and time: there it counts from 1.
func ChangelogKey(dst, key []byte, start int64, seq int32) []byte {
	return appendInt32(appendInt64(append(dst, key...), start), seq)
}

// SplitChangelogKey takes a ChangelogKey apart. key is a part of b.
func SplitChangelogKey(b []byte) (key []byte, start int64, seq int32, err error) {
	r := reader{src: b}
	key, start, seq = r.rest(12), r.int64(), r.int32()
	return key, start, seq, r.end("changelog key")
}
