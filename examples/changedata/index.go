package main

import (
	"context"
	"maps"
	"sync"

	"github.com/millstream-go/millstream/streams/connect"
)

// Index stands in for a search index, in memory: a sink of one's own is no more than this. As what it has is gone with
// the process, it asks for the topic from its start.
type Index struct {
	mu        sync.Mutex
	documents map[int64]Delivery
}

// Open has nothing to look at.
func (i *Index) Open(context.Context) error {
	i.documents = map[int64]Delivery{}
	return nil
}

// Claim begins at the start of each partition.
func (i *Index) Claim(_ context.Context, partitions []connect.Partition) (map[connect.Partition]int64, error) {
	from := map[connect.Partition]int64{}
	for _, p := range partitions {
		from[p] = 0
	}
	return from, nil
}

// Write puts documents, and deletes those whose value is null.
func (i *Index) Write(_ context.Context, batches []connect.Batch[int64, Delivery]) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, b := range batches {
		for _, r := range b.Records {
			if r.NullValue {
				delete(i.documents, r.Key)
			} else {
				i.documents[r.Key] = r.Value
			}
		}
	}
	return nil
}

// Close has nothing to end.
func (i *Index) Close() error { return nil }

// Documents are those that are there now.
func (i *Index) Documents() map[int64]Delivery {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.documents)
}
