// Package searchsink writes a topic into an index of OpenSearch, or of whatever speaks its bulk API: a document for
// each key, as its newest record says, none where that is null.
//
//	sink := searchsink.New(searchsink.Config[string, Total]{
//		URL:      "http://localhost:9200",
//		Index:    "order-totals",
//		ID:       func(customer string) string { return customer },
//		Document: func(customer string, t Total) any { return t },
//	})
//
// Each document has the offset of its record as its external version, so the index refuses what is older than what it
// has: records that are written again after a crash, and requests of a process that was given up and wakes again,
// change nothing. A key must stay in its partition for that; where the topic is created anew, raise Config.Generation.
//
// The index forgets the versions of deleted documents, after index.gc_deletes (a minute by default) and when a node
// starts again. A repetition still comes out right, as it ends with the delete. What can come back is a document that a
// process writes which stood still for that long in the midst of a request. Where that matters, keep a document in
// place of a deleted one: Config.Deleted.
package searchsink
