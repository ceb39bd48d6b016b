package serde

// Framed is a serde whose bytes begin with a frame that may stand in a header of the record instead, as the GUID of a
// schema may. Who reads the values of a topic puts what the header has in front of the bytes that Decode gets, and
// drops the header; who writes them takes the header's part off. Rows of stores have no headers: their frame is in
// front. Keys have theirs in front, too: they are partitioned and looked up by all of their bytes.
type Framed interface {
	// FrameHeader is the name of the header.
	FrameHeader() string
	// Frame is how many bytes at the begin of what Append gave belong into the header; 0: none, the frame stays.
	Frame(b []byte) int
}
