package rescale

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/internal/wire"
)

// table has the live rows of a topic in a database of its own, as a changelog may have each row many times.
type table struct {
	engine store.Engine
	batch  store.Batch
	dir    string
	budget *store.Budget
	before int // bytes of a row's id in front of its partition, by which rows are sorted first
}

// memory is what a database may take.
const memory = 32 << 20

func openTable(workDir string) (*table, error) {
	dir, err := os.MkdirTemp(workDir, "millstream-rescale-")
	if err != nil {
		return nil, err
	}
	budget := store.NewBudget(memory, 1)
	engine, err := store.OpenPebble(dir, store.Options{Budget: budget, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		budget.Close()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &table{engine: engine, batch: engine.NewBatch(), dir: dir, budget: budget}, nil
}

// batchBytes is how much is written at a time.
const batchBytes = 1 << 20

func (t *table) set(id []byte, r row) error {
	if err := t.batch.Set(id, r.encode()); err != nil {
		return err
	}
	return t.spill(batchBytes)
}

func (t *table) drop(id []byte) error {
	if err := t.batch.Delete(id); err != nil {
		return err
	}
	return t.spill(batchBytes)
}

// spill writes what has gathered, if it is as much.
func (t *table) spill(least int) error {
	if t.batch.Len() < least {
		return nil
	}
	err := t.batch.Commit()
	err = errors.Join(err, t.batch.Close())
	t.batch = t.engine.NewBatch()
	return err
}

// each shows the rows, partition after partition if they are not sorted otherwise.
func (t *table) each(show func(row) error) error {
	if err := t.spill(0); err != nil {
		return err
	}
	it, err := t.engine.Scan(nil, nil, false)
	if err != nil {
		return err
	}
	for err == nil && it.Next() {
		var r row
		if r, err = decodeRow(int32(binary.BigEndian.Uint32(it.Key()[t.before:])), it.Value()); err == nil {
			err = show(r)
		}
	}
	return errors.Join(err, it.Close())
}

func (t *table) close() error {
	err := errors.Join(t.batch.Close(), t.engine.Close(), os.RemoveAll(t.dir))
	t.budget.Close()
	return err
}

// rows shows the live rows of a changelog, or the records of a repartition topic that are not processed, as they lie in
// the old layout. What is shown is valid during the call.
func (j *job) rows(ctx context.Context, t *Topic, show func(row) error) (err error) {
	rows, err := openTable(j.WorkDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.close()) }()
	at, err := ends(ctx, j.admin, j.Wait, t.Name)
	if err != nil {
		return err
	}
	spans := at[t.Name]
	enter := j.enterRow(rows, t)
	if t.Store == "" {
		spans, enter = j.unprocessed(t, spans), enterRecord(rows)
	}
	if err := j.Connect.scan(ctx, t.Name, spans, enter); err != nil {
		return err
	}
	return rows.each(show)
}

// unprocessed are the spans of a repartition topic that the group has not committed.
func (j *job) unprocessed(t *Topic, spans map[int32]span) map[int32]span {
	for _, o := range j.plan.Offsets {
		if s, ok := spans[o.Partition]; ok && o.Topic == t.Name {
			spans[o.Partition] = span{max(o.At, s.from), s.to}
		}
	}
	return spans
}

func enterRecord(rows *table) func(*kgo.Record) error {
	return func(r *kgo.Record) error {
		id := binary.BigEndian.AppendUint32(nil, uint32(r.Partition))
		return rows.set(binary.BigEndian.AppendUint64(id, uint64(r.Offset)), rowOf(r))
	}
}

// enterRow takes changelog records as a restore does: the last one of a key counts, in a versioned store that of a key
// and a time; those of former owners do not.
func (j *job) enterRow(rows *table, t *Topic) func(*kgo.Record) error {
	versioned := false
	if s := storeOf(j.Lock, t.Name); s != nil {
		versioned = s.Kind == string(storage.KindVersioned)
	}
	epochs := map[int32]*task.Epochs{}
	return func(r *kgo.Record) error {
		if epochs[r.Partition] == nil {
			epochs[r.Partition] = task.NewEpochs(t.Store, j.metadataOf(r.Partition))
		}
		if r.Key == nil || epochs[r.Partition].Stale(r.Offset, headerOf(r, wire.EpochHeader)) {
			return nil
		}
		id := append(binary.BigEndian.AppendUint32(nil, uint32(r.Partition)), r.Key...)
		if versioned {
			return rows.set(binary.BigEndian.AppendUint64(id, uint64(r.Timestamp.UnixMilli())), rowOf(r))
		}
		if r.Value == nil {
			return rows.drop(id)
		}
		return rows.set(id, rowOf(r))
	}
}

// metadataOf is what was committed with the offsets of a partition number, of whatever inputs. Fences are found by the
// names of stores, so those of other tasks' stores do not matter.
func (j *job) metadataOf(partition int32) (out []string) {
	for _, o := range j.plan.Offsets {
		if o.Partition == partition {
			out = append(out, o.Metadata)
		}
	}
	return out
}

func headerOf(r *kgo.Record, key string) []byte {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

// copyTo writes rows to a topic, and gives the digest of what it has written. place says where each goes, and as what.
func (j *job) copyTo(
	ctx context.Context, topic string, t *Topic, place placing, rows func(func(row) error) error,
	put func(row) (int32, row, error),
) (d Digest, err error) {
	w, err := j.Connect.write(ctx, batchOf(t.Configs))
	if err != nil {
		return d, err
	}
	told := map[int32]bool{}
	format := ""
	if s := storeOf(j.Lock, t.Name); s != nil {
		format = s.Format
	}
	err = rows(func(r row) error {
		partition, out, err := put(r)
		if err != nil {
			return fmt.Errorf("topic %s, a row of partition %d: %w", t.Name, r.partition, err)
		}
		same, err := place.canonical(out)
		if err != nil {
			return err
		}
		d.add(same)
		record := record(topic, partition, out)
		if format != "" && out.value != nil && !told[partition] {
			told[partition] = true
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: wire.FormatHeader, Value: []byte(format)})
		}
		return w.put(record)
	})
	return d, errors.Join(err, w.close())
}

// record is a row as it is produced. It shares no memory with the row.
func record(topic string, partition int32, r row) *kgo.Record {
	out, err := decodeRow(partition, r.encode())
	if err != nil {
		panic(err) // of what was encoded just now
	}
	return &kgo.Record{
		Topic: topic, Partition: partition, Key: out.key, Value: out.value, Headers: out.headers,
		Timestamp: time.UnixMilli(out.at),
	}
}

// digestOf reads a topic that has each row once.
func (j *job) digestOf(ctx context.Context, topic string, place placing) (d Digest, err error) {
	err = j.all(ctx, topic, func(r row) error {
		same, err := place.canonical(r)
		d.add(same)
		return err
	})
	return d, err
}

// all shows every record of a topic.
func (j *job) all(ctx context.Context, topic string, show func(row) error) error {
	at, err := ends(ctx, j.admin, j.Wait, topic)
	if err != nil {
		return err
	}
	return j.Connect.scan(ctx, topic, at[topic], func(r *kgo.Record) error { return show(rowOf(r)) })
}

// inTime shows the copy of a topic: rows as they come, and records of a repartition topic in the order in which one
// task would read partitions of which several become one. None of them is behind the highest time before it by more
// than it was in its old partition.
func (j *job) inTime(ctx context.Context, t *Topic, show func(row) error) (err error) {
	if t.Store != "" {
		return j.all(ctx, t.Saved, show)
	}
	rows, err := openTable(j.WorkDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.close()) }()
	rows.before = 8
	high, read := map[int32]int64{}, uint64(0)
	err = j.all(ctx, t.Saved, func(r row) error {
		high[r.partition] = max(high[r.partition], r.at)
		read++
		id := binary.BigEndian.AppendUint64(nil, uint64(high[r.partition]))
		id = binary.BigEndian.AppendUint32(id, uint32(r.partition))
		return rows.set(binary.BigEndian.AppendUint64(id, read), r)
	})
	if err != nil {
		return err
	}
	return rows.each(show)
}

// batchOf is how large a batch may be in a topic of such settings.
func batchOf(configs map[string]*string) int32 {
	const usual = 1_000_000 // a bit less than what brokers take by default
	if v := configs["max.message.bytes"]; v != nil {
		if n, err := strconv.ParseInt(*v, 10, 32); err == nil && n > 0 {
			return int32(n)
		}
	}
	return usual
}
