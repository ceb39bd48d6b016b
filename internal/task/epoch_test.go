package task

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rows"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// oneLog is a changelog, and what the group has committed of the input of its task.
type oneLog struct {
	records   []graph.Raw
	end       int64
	committed Committed
}

// owner is one run of the task, by a process with a new directory.
type owner struct {
	t    *testing.T
	log  *oneLog
	set  *Set
	task *Task
	in   *Input
}

// own restores the task from the log, and starts it.
func (l *oneLog) own(t *testing.T) *owner { return l.ownWith(t, true) }

// ownOnce is own, exactly once.
func (l *oneLog) ownOnce(t *testing.T) *owner { return l.ownWith(t, false) }

func (l *oneLog) ownWith(t *testing.T, epochs bool) *owner {
	set, task := newSet(t, Config{MaxIdle: -1, Epochs: epochs}, nil)
	committed := map[string]Committed{"a": l.committed, "b": {}}
	task.ReadFences(committed)
	require.NoError(t, task.Changelogs()[0].Restore(l.records, l.end))
	require.NoError(t, set.Start(task, committed))
	return &owner{t, l, set, task, set.Input("a", 0)}
}

// compact leaves the last record of each key.
func (l *oneLog) compact() {
	last, left := map[string]int64{}, []graph.Raw{}
	for _, r := range l.records {
		last[string(r.Key)] = r.Offset
	}
	for _, r := range l.records {
		if last[string(r.Key)] == r.Offset {
			left = append(left, r)
		}
	}
	l.records = left
}

// land appends what an owner has sent.
func (l *oneLog) land(sent []graph.Output) {
	for _, o := range sent {
		l.records = append(l.records, graph.Raw{
			Key: o.Key, Value: o.Value, Headers: o.Headers, Timestamp: o.Timestamp, Offset: l.end,
		})
		if o.Ack != nil {
			o.Ack(l.end)
		}
		l.end++
	}
}

// count counts records of a key.
func (o *owner) count(key string, n int) {
	for range n {
		o.set.Add(o.in, []graph.Raw{{Key: []byte(key), Value: []byte("v"), Offset: o.in.Fetched()}}, -1)
	}
	step(o.t, o.set, 0)
}

// begin begins an epoch, which the group takes.
func (o *owner) begin() {
	for _, offset := range o.set.BeginEpochs() {
		if offset.Topic == "a" {
			o.log.committed = Committed{Offset: offset.Offset, Metadata: offset.Metadata, End: -1}
		}
	}
}

// encode is what a commit sends to the changelog, with the offset that it would commit.
func (o *owner) encode() (sent []graph.Output, offsets []Offset) {
	offsets, err := o.set.Prepare(func(out graph.Output) {
		if out.Topic == "app-counts-changelog" {
			sent = append(sent, out)
		}
	})
	require.NoError(o.t, err)
	return sent, offsets
}

// commit commits, and mends.
func (o *owner) commit() {
	o.begin()
	sent, offsets := o.encode()
	o.log.land(sent)
	for gaps := o.set.Gaps(); len(gaps) > 0; gaps = o.set.Gaps() {
		for _, g := range gaps {
			for _, r := range o.log.records {
				if r.Offset >= g.From && r.Offset < g.To {
					require.NoError(o.t, g.Changelog.Find([]graph.Raw{r}))
				}
			}
		}
		require.NoError(o.t, o.set.Mend(func(out graph.Output) { o.log.land([]graph.Output{out}) }))
	}
	for _, offset := range offsets {
		if offset.Topic == "a" {
			o.log.committed = Committed{Offset: offset.Offset, Metadata: offset.Metadata, End: -1}
		}
	}
	require.NoError(o.t, o.set.Committed(0))
}

func (o *owner) require(key string, want int64) {
	store := storage.HandleOf(o.task.Store("counts")).(rows.ByKey)
	k, n := []byte(key), int64(0)
	_, _, err := store.Load(&k, &n)
	require.NoError(o.t, err)
	require.Equal(o.t, want, n, key)
}

// TestALateRecordOfAFormerOwner is not restored, wherever it lands.
func TestALateRecordOfAFormerOwner(t *testing.T) {
	begin := func() (log *oneLog, zombie *owner, late []graph.Output) {
		log = &oneLog{}
		zombie = log.own(t)
		zombie.count("k", 5)
		zombie.commit()
		zombie.count("k", 7)
		late, _ = zombie.encode()
		return log, zombie, late
	}
	t.Run("behind the successor's", func(t *testing.T) {
		log, _, late := begin()
		next := log.own(t)
		next.count("k", 95)
		next.commit()
		log.land(late)
		log.own(t).require("k", 100)
	})
	t.Run("before the successor has written anything", func(t *testing.T) {
		log, _, late := begin()
		next := log.own(t)
		next.count("other", 1)
		next.begin()
		log.land(late)
		log.own(t).require("k", 5)
	})
	t.Run("before the successor's first record, and that dies before it commits", func(t *testing.T) {
		log, _, late := begin()
		next := log.own(t)
		next.count("other", 1)
		next.begin()
		log.land(late)
		sent, _ := next.encode()
		log.land(sent)
		third := log.own(t)
		third.require("k", 5)
		third.commit()
		log.compact()
		log.own(t).require("k", 5)
	})
	t.Run("before the successor's first record, which mends it", func(t *testing.T) {
		log, _, late := begin()
		next := log.own(t)
		next.count("other", 1)
		log.land(late)
		next.commit()
		log.compact()
		log.own(t).require("k", 5)
	})
	t.Run("behind the last record of a successor that looks at the end", func(t *testing.T) {
		log, _, late := begin()
		next := log.own(t)
		next.count("other", 1)
		next.commit()
		log.land(late)
		next.set.Tails(func(c *Changelog) { require.NoError(t, c.Ends(log.end, c.From())) })
		require.True(t, next.set.Pending())
		next.commit()
		next.set.Tails(func(c *Changelog) { require.NoError(t, c.Ends(log.end, c.From())) })
		require.False(t, next.set.Pending())
		log.compact()
		log.own(t).require("k", 5)
	})
}

// TestALateRecordBehindExactlyOnce is of an owner at least once, and its successors run exactly once.
func TestALateRecordBehindExactlyOnce(t *testing.T) {
	begin := func() (log *oneLog, late []graph.Output) {
		log = &oneLog{}
		zombie := log.own(t)
		zombie.count("k", 5)
		zombie.commit()
		zombie.count("k", 7)
		late, _ = zombie.encode()
		next := log.ownOnce(t)
		next.count("k", 95)
		next.commit()
		return log, late
	}
	t.Run("behind the successor's", func(t *testing.T) {
		log, late := begin()
		log.land(late)
		log.ownOnce(t).require("k", 100)
		log.own(t).require("k", 100)
	})
	t.Run("before the next successor, which mends it", func(t *testing.T) {
		log, late := begin()
		log.land(late)
		next := log.ownOnce(t)
		next.count("other", 1)
		next.commit()
		log.compact()
		log.ownOnce(t).require("k", 100)
	})
	t.Run("behind many successors, one of which is at least once again", func(t *testing.T) {
		log, late := begin()
		for _, owns := range []func(*testing.T) *owner{log.ownOnce, log.ownOnce, log.own, log.ownOnce} {
			next := owns(t)
			next.count("other", 1)
			next.commit()
		}
		log.land(late)
		log.ownOnce(t).require("k", 100)
		log.own(t).require("k", 100)
	})
	t.Run("before a successor that does not read it", func(t *testing.T) {
		log, late := begin()
		all := log.records
		log.land(late)
		landed := log.records
		log.records = all
		next := log.ownOnce(t)
		next.count("other", 1)
		next.commit()
		log.records = append(landed, log.records[len(all):]...)
		log.ownOnce(t).require("k", 100)
	})
	t.Run("of an owner that has written nothing else", func(t *testing.T) {
		log := &oneLog{}
		zombie := log.own(t)
		zombie.count("k", 7)
		zombie.begin()
		late, _ := zombie.encode()
		next := log.ownOnce(t)
		next.count("k", 5)
		next.commit()
		log.land(late)
		log.ownOnce(t).require("k", 5)
	})
}

// TestExactlyOnceWithoutEpochs tells no fence where there never was one.
func TestExactlyOnceWithoutEpochs(t *testing.T) {
	log := &oneLog{}
	for range 2 {
		o := log.ownOnce(t)
		o.count("k", 1)
		o.commit()
		for name := range graph.DecodeMetadata(log.committed.Metadata).Times {
			require.False(t, IsFence(name), name)
		}
	}
}

// TestAFormerOwnerFindsItsSuccessor by what that has written.
func TestAFormerOwnerFindsItsSuccessor(t *testing.T) {
	log := &oneLog{}
	zombie := log.own(t)
	zombie.count("k", 5)
	zombie.commit()
	next := log.own(t)
	next.count("k", 1)
	next.commit()
	zombie.count("k", 1)
	sent, _ := zombie.encode()
	log.land(sent)
	gaps := zombie.set.Gaps()
	require.Len(t, gaps, 1)
	require.ErrorIs(t, gaps[0].Changelog.Find(log.records[gaps[0].From:gaps[0].To]), ErrSucceeded)
}

// TestRecordsWithoutAnEpoch are taken: of Kafka Streams, of exactly once, and of earlier versions.
func TestRecordsWithoutAnEpoch(t *testing.T) {
	log := &oneLog{}
	first := log.own(t)
	first.count("k", 5)
	first.commit()
	other := log.own(t)
	other.set.config.Epochs = false
	other.count("k", 5)
	other.commit()
	log.own(t).require("k", 10)
}

// TestEpochsRise although the group has lost what it was told.
func TestEpochsRise(t *testing.T) {
	log := &oneLog{}
	for n := range int32(3) {
		o := log.own(t)
		o.count("k", 1)
		o.commit()
		require.Equal(t, n+1, o.task.epoch)
		log.committed.Metadata = ""
	}
}

func TestFencesInMetadata(t *testing.T) {
	f := fence{epoch: 57, offsets: map[uint32]int64{storeHash("a"): 0, storeHash("b"): 1 << 40}}
	is, ok := fenceNamed(f.name(), 57)
	require.True(t, ok)
	require.Equal(t, f, is)
	for _, name := range []string{"", "a", ownKey + "a", fenceKey + "!", fenceKey + "AAAA"} {
		if is, ok := fenceNamed(name, 57); ok {
			require.Empty(t, is.offsets, name)
		}
	}
	_, ok = fenceNamed(f.name(), 1<<40)
	require.False(t, ok)
}

// TestOwnersThatNeverCommit one after the other, as in a loop of crashes, leave metadata that brokers take.
func TestOwnersThatNeverCommit(t *testing.T) {
	log := &oneLog{}
	for range 200 {
		o := log.own(t)
		o.count("k", 1)
		o.begin()
		sent, _ := o.encode()
		log.land(sent)
	}
	require.LessOrEqual(t, len(log.committed.Metadata), 1024)
	o := log.own(t)
	o.count("k", 1)
	o.commit()
	require.EqualValues(t, 201, o.task.epoch)
}

// TestAFenceFits: a task may have more stores than metadata has room for their offsets.
func TestAFenceFits(t *testing.T) {
	f := fence{epoch: 1, offsets: map[uint32]int64{}}
	for n := range uint32(500) {
		f.offsets[n] = 1 << 40
	}
	f.fit(1000)
	require.LessOrEqual(t, fenceBytes(f.name()), 1000)
	require.Greater(t, len(f.offsets), 50)
}

// TestAVersionIsMendedByItself: in a versioned store each record is a version, and another one of the same key does not
// take its place.
func TestAVersionIsMendedByItself(t *testing.T) {
	at := func(epoch int32, timestamp int64) graph.Raw {
		header := graph.Header{Key: wire.EpochHeader, Value: wire.AppendEpoch(nil, epoch)}
		return graph.Raw{Key: []byte("k"), Value: []byte("v"), Timestamp: timestamp, Headers: []graph.Header{header}}
	}
	for _, x := range []struct {
		spec   storage.Spec
		own    int64
		mended bool
	}{
		{storage.Of(state.NewVersioned("rows", serde.Bytes, serde.Bytes, time.Hour)), 20, false},
		{storage.Of(state.NewVersioned("rows", serde.Bytes, serde.Bytes, time.Hour)), 10, true},
		{storage.Of(state.NewKeyValue("rows", serde.Bytes, serde.Bytes)), 20, true},
	} {
		c := &Changelog{task: &Task{epoch: 2}, spec: x.spec, stale: map[string]int64{}}
		require.NoError(t, c.Find([]graph.Raw{at(1, 10), at(2, x.own)}))
		require.Equal(t, x.mended, len(c.stale) == 0, "%s, own record at %d", x.spec.Kind(), x.own)
	}
}

func TestForeignHeadersAreNoEpochs(t *testing.T) {
	for _, value := range []string{"", "1700000000000", "2026-01-31", "\xff\xff\xff\xff\xff"} {
		r := graph.Raw{Headers: []graph.Header{{Key: wire.EpochHeader, Value: []byte(value)}}}
		require.Zero(t, epochOf(&r), "%q", value)
	}
}
