package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/state"
)

// changelogCmd reads a changelog.
type changelogCmd struct {
	Topic     string `arg:"" help:"Changelog topic: <application id>-<store>-changelog."`
	Partition int32  `default:"-1" help:"Only this partition."`
	Limit     int    `default:"100" help:"Records to print; 0: all."`
	Store     string `placeholder:"window(string,json)" help:"Kind and serdes, where the topic does not tell them."`
}

// change of a store's row, as the changelog tells it.
type rowChange struct {
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Time      time.Time `json:"time"`
	Key       any       `json:"key"`
	From      string    `json:"from,omitempty"` // start of a window or session
	To        string    `json:"to,omitempty"`   // end of a session
	Value     any       `json:"value"`          // null: the row is deleted
}

func (c rowChange) columns() []any {
	key := text(c.Key)
	if c.From != "" {
		key += " @ " + c.From
	}
	if c.To != "" {
		key += " to " + c.To
	}
	value := "(deleted)"
	if c.Value != nil {
		value = text(c.Value)
	}
	return []any{c.Partition, c.Offset, stamp(c.Time.UnixMilli()), key, value}
}

// Run prints a line for each record.
func (c *changelogCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, client, end, err := cl.connect(ctx, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer end()
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, c.Topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return fmt.Errorf("topic %s: %w", c.Topic, err)
	}
	ends, err := admin.ListCommittedOffsets(ctx, c.Topic)
	if err != nil {
		return err
	}
	reader := &changelogReader{command: c, ends: map[int32]int64{}}
	from := map[int32]kgo.Offset{}
	ends.Each(func(o kadm.ListedOffset) {
		first, _ := starts.Lookup(o.Topic, o.Partition)
		if (c.Partition < 0 || c.Partition == o.Partition) && first.Offset < o.Offset {
			from[o.Partition], reader.ends[o.Partition] = kgo.NewOffset().At(first.Offset), o.Offset
		}
	})
	if len(from) > 0 {
		client.AddConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: from})
	}
	if err := reader.read(ctx, client); err != nil {
		return err
	}
	return table(p, "PARTITION\tOFFSET\tTIME\tKEY\tVALUE", reader.rows)
}

// changelogReader reads the partitions of a changelog to their ends.
type changelogReader struct {
	command *changelogCmd
	ends    map[int32]int64 // of the partitions that are not read to their end yet
	store   *storeFormat
	rows    []rowChange
}

func (r *changelogReader) read(ctx context.Context, client *kgo.Client) (err error) {
	if r.command.Store != "" {
		if r.store, err = parseFormat(r.command.Store); err != nil {
			return err
		}
	}
	for len(r.ends) > 0 && !r.full() {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			for _, record := range p.Records {
				if err == nil && !r.full() {
					err = r.take(record)
				}
			}
			if at := r.ends[p.Partition]; len(p.Records) > 0 && p.Records[len(p.Records)-1].Offset+1 >= at {
				delete(r.ends, p.Partition)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *changelogReader) full() bool { return r.command.Limit > 0 && len(r.rows) >= r.command.Limit }

// take decodes a record. The end of the log may be a transaction's marker, which is read, too.
func (r *changelogReader) take(record *kgo.Record) (err error) {
	if record.Attrs.IsControl() {
		return nil
	}
	for _, h := range record.Headers {
		if h.Key == wire.FormatHeader && r.command.Store == "" {
			if r.store, err = parseFormat(string(h.Value)); err != nil {
				return err
			}
		}
	}
	if r.store == nil {
		return errors.New("the topic does not say what kind of store it is of, as those of Java do not: say so with " +
			`--store, as "window(string,json)"`)
	}
	row, err := r.store.decode(record)
	if err != nil {
		return fmt.Errorf("%s/%d offset %d: %w: is it the changelog of a store %s?", record.Topic, record.Partition,
			record.Offset, err, r.store)
	}
	r.rows = append(r.rows, row)
	return nil
}

// storeFormat is the kind of a store and the names of its serdes, see storage.Spec.
type storeFormat struct {
	kind       state.Kind
	key, value string
}

func (f *storeFormat) String() string { return fmt.Sprintf("%s(%s,%s)", f.kind, f.key, f.value) }

// parseFormat reads a format as storage.Spec makes it: window(string,json).
func parseFormat(s string) (*storeFormat, error) {
	kind, rest, ok := strings.Cut(s, "(")
	serdes, closed := strings.CutSuffix(rest, ")")
	comma := outerComma(serdes)
	if !ok || !closed || comma < 0 {
		return nil, fmt.Errorf("%q is not the format of a store, as \"key-value(string,json)\"", s)
	}
	return &storeFormat{state.Kind(kind), serdes[:comma], serdes[comma+1:]}, nil
}

// outerComma is where the comma between two formats stands, which may have some in parentheses; -1 if there is none.
func outerComma(s string) int {
	depth := 0
	for i, c := range s {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			return i
		}
	}
	return -1
}

func (f *storeFormat) decode(record *kgo.Record) (row rowChange, err error) {
	row = rowChange{Partition: record.Partition, Offset: record.Offset, Time: record.Timestamp}
	key := record.Key
	switch f.kind {
	case storage.KindWindow, storage.KindBuffer:
		var start int64
		if key, start, _, err = wire.SplitChangelogKey(key); err == nil {
			row.From = stamp(start)
		}
	case storage.KindUnmatched:
		var at int64
		if at, _, key, err = wire.SplitSharedKey(key); err == nil {
			row.From = stamp(at)
		}
	case storage.KindSession:
		var start, end int64
		if key, end, start, err = wire.SplitSessionKey(key); err == nil {
			row.From, row.To = stamp(start), stamp(end)
		}
	}
	if err != nil {
		return row, err
	}
	row.Key = decode(f.key, key)
	if record.Value != nil {
		row.Value = decode(f.value, record.Value)
	}
	return row, nil
}
