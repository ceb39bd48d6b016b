package task

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

var (
	one, another = [16]byte{1}, [16]byte{2}
	hour         = time.Hour.Milliseconds()
)

// judged is a task whose directory knows: cluster "here", changelog place 100 of topic one, entered at one hour, inputs
// a and b read up to 50 of topics one; and a cluster that has all of it, the changelog up to 110.
func judged(t *testing.T) (*Task, Facts) {
	_, task := newSet(t, Config{}, nil)
	task.home = "here"
	task.changelogs[0].place = Place{Offset: 100, Topic: one, At: hour}
	f := Facts{
		Cluster: "here", Now: 2 * hour, Committed: map[string]Committed{}, Inputs: map[string]Log{},
		Changelogs: map[string]Log{"counts": {Topic: one, End: 110, Forgets: 24 * time.Hour}},
	}
	for _, in := range task.inputs {
		in.stored = Place{Offset: 50, Topic: one}
		f.Inputs[in.Topic] = Log{Topic: one, End: 60}
		f.Committed[in.Topic] = Committed{Offset: 50, Metadata: graph.Metadata{PartitionTime: 7}.Encode()}
	}
	return task, f
}

// TestJudge goes through the table "Whose state it is" of DESIGN.md.
func TestJudge(t *testing.T) {
	const (
		stays = iota
		spare // set aside until it is restored
		aside // set aside for good
		state
		input
		offsets
	)
	log := func(change func(l *Log)) func(f *Facts) {
		return func(f *Facts) {
			l := f.Changelogs["counts"]
			change(&l)
			f.Changelogs["counts"] = l
		}
	}
	uncounted := func(f *Facts) { f.Committed["a"], f.Committed["b"] = Committed{Offset: -1}, Committed{Offset: -1} }
	for name, c := range map[string]struct {
		change   func(f *Facts)
		verdict  int
		accept   Accept
		accepted int
	}{
		"all fits":                  {func(*Facts) {}, stays, 0, stays},
		"ids are not known":         {log(func(l *Log) { l.Topic = [16]byte{} }), stays, 0, stays},
		"another cluster":           {func(f *Facts) { f.Cluster = "there" }, aside, 0, aside},
		"another cluster, no state": {func(f *Facts) { f.Cluster = "there"; log(func(l *Log) { l.End = 0 })(f) }, state, AcceptLostState, aside},
		"other topics": {func(f *Facts) {
			log(func(l *Log) { l.Topic = another })(f)
			f.Inputs["a"], f.Inputs["b"] = Log{Topic: another, End: 60}, Log{Topic: another, End: 60}
		}, aside, 0, aside},
		"another changelog":    {log(func(l *Log) { l.Topic = another }), state, AcceptLostState, aside},
		"an emptied changelog": {log(func(l *Log) { l.Start = l.End }), state, AcceptLostState, aside},
		"a shorter changelog":  {log(func(l *Log) { l.End = 99 }), state, AcceptLostState, aside},
		"a changelog that was cut and is longer": {
			log(func(l *Log) { *l = l.Compared(100, 99) }), state, AcceptLostState, aside,
		},
		"a changelog that was cut to its start and is longer": {
			log(func(l *Log) { *l = l.Compared(100, 0) }), state, AcceptLostState, aside,
		},
		"a changelog that was led anew": {log(func(l *Log) { *l = l.Compared(100, 100) }), stays, 0, stays},
		"a changelog of which everything was deleted that leaders had written": {log(func(l *Log) {
			l.Start = 100
			*l = l.Compared(100, 0)
		}), stays, 0, stays},
		"no offsets, and a changelog that was cut": {func(f *Facts) {
			uncounted(f)
			log(func(l *Log) { *l = l.Compared(100, 99) })(f)
		}, state, AcceptLostState, aside},
		"another cluster, and a changelog that was cut": {func(f *Facts) {
			f.Cluster = "there"
			log(func(l *Log) { *l = l.Compared(100, 99) })(f)
		}, aside, 0, aside},
		"a changelog without start": {log(func(l *Log) { l.Start = 101 }), aside, 0, aside},
		"an old directory":          {func(f *Facts) { f.Now = 26 * hour }, spare, 0, spare},
		"an old directory that is up to date": {func(f *Facts) {
			f.Now = 26 * hour
			log(func(l *Log) { l.End = 101 })(f)
		}, stays, 0, stays},
		// The clock was ahead when its place was entered, and was set right.
		"a directory of the future":                {func(f *Facts) { f.Now = -hour }, spare, 0, spare},
		"a directory of clocks that differ little": {func(f *Facts) { f.Now = hour - 1000 }, stays, 0, stays},
		"a changelog that forgets nothing":         {func(f *Facts) { f.Now = 999 * hour; log(func(l *Log) { l.Forgets = 0 })(f) }, stays, 0, stays},
		"another input":                            {func(f *Facts) { f.Inputs["a"] = Log{Topic: another, End: 60} }, input, AcceptLostInput, stays},
		"a shorter input":                          {func(f *Facts) { f.Inputs["a"] = Log{Topic: one, End: 49} }, input, AcceptLostInput, stays},
		"offsets set back":                         {func(f *Facts) { f.Committed["a"] = Committed{Offset: 49} }, offsets, AcceptLostOffsets, stays},
		"offsets set ahead":                        {func(f *Facts) { f.Committed["a"] = Committed{Offset: 60} }, stays, 0, stays},
		"no offsets":                               {uncounted, stays, 0, stays},
		"no offsets, and another input": {func(f *Facts) {
			uncounted(f)
			f.Inputs["a"] = Log{Topic: another, End: 60}
		}, input, AcceptLostInput, stays},
		"no offsets, and another changelog": {func(f *Facts) {
			uncounted(f)
			log(func(l *Log) { l.Topic = another })(f)
		}, state, AcceptLostState, aside},
		"no offsets, and an emptied changelog": {func(f *Facts) {
			uncounted(f)
			log(func(l *Log) { l.Start = l.End })(f)
		}, state, AcceptLostState, aside},
		"no offsets, and a shorter changelog": {func(f *Facts) {
			uncounted(f)
			log(func(l *Log) { l.End = 99 })(f)
		}, state, AcceptLostState, aside},
		"chosen offsets, and another changelog": {func(f *Facts) {
			f.Committed["a"], f.Committed["b"] = Committed{Chosen: true}, Committed{Chosen: true}
			log(func(l *Log) { l.Topic = another })(f)
		}, state, AcceptLostState, aside},
		"no offsets, and a changelog without start": {func(f *Facts) {
			uncounted(f)
			log(func(l *Log) { l.Start = 101 })(f)
		}, offsets, AcceptLostState, aside},
		"offsets given by hand": {func(f *Facts) { f.Committed["a"] = Committed{Offset: 50} }, stays, 0, stays},
		"offsets given by hand, and an old directory": {func(f *Facts) {
			f.Committed["a"] = Committed{Offset: 50}
			f.Now = 26 * hour
		}, offsets, AcceptLostOffsets, spare},
		"no offsets, and an old directory": {func(f *Facts) {
			uncounted(f)
			f.Now = 26 * hour
		}, spare, 0, spare},
	} {
		t.Run(name, func(t *testing.T) {
			for accept, want := range map[Accept]int{0: c.verdict, c.accept: c.accepted} {
				task, f := judged(t)
				c.change(&f)
				f.Accept = accept
				v, err := task.Judge(f)
				switch want {
				case stays:
					require.NoError(t, err)
					require.Empty(t, v.Stale)
				case spare, aside:
					require.NoError(t, err)
					require.NotEmpty(t, v.Stale)
					require.Equal(t, want == spare, v.Spare)
					require.True(t, v.Spare || v.Moved == nil || accept != 0, "to go on without the rows is for the user to say")
				case state:
					var lost *LostStateError
					require.ErrorAs(t, err, &lost)
				case input:
					var lost *LostInputError
					require.ErrorAs(t, err, &lost)
				case offsets:
					var lost *LostOffsetsError
					require.ErrorAs(t, err, &lost)
				}
				if c.accept == 0 {
					break
				}
			}
		})
	}
}

// TestOldDirectories have offsets alone. What they do not know they are told.
func TestOldDirectories(t *testing.T) {
	s, task := newSet(t, Config{}, nil)
	db := task.databases[0]
	require.NoError(t, db.write(func(b store.Batch) error {
		for _, key := range [][]byte{metaKey('i', "a"), metaKey('i', "b"), metaKey('c', "counts")} {
			if err := b.Set(key, []byte{0, 0, 0, 0, 0, 0, 0, 50}); err != nil {
				return err
			}
		}
		return nil
	}))
	task, err := open(s, task.ID, &Engines{Disk: db.engine})
	require.NoError(t, err)
	_, f := judged(t)
	v, err := task.Judge(f)
	require.NoError(t, err)
	require.Empty(t, v.Stale)
	require.NoError(t, task.Changelogs()[0].Restored(3*hour))
	task, err = open(s, task.ID, &Engines{Disk: db.engine})
	require.NoError(t, err)
	require.Equal(t, "here", task.home)
	require.Equal(t, Place{Offset: 50, Topic: one, Epoch: -1, At: 3 * hour}, task.changelogs[0].place)
}

// TestRowsInMemoryThatOutliveTheDeletes of their changelog: the directory has their place, and may know nothing of when
// they were restored.
func TestRowsInMemoryThatOutliveTheDeletes(t *testing.T) {
	task, f := judged(t)
	c := task.changelogs[0]
	c.spec = storage.Of(state.NewKeyValue("counts", serde.String, serde.Int64).InMemory())
	for name, directory := range map[string]Place{"none": nowhere, "a commit": {Offset: 100, Topic: one, At: 39 * hour}} {
		t.Run(name, func(t *testing.T) {
			c.place, f.Now = directory, 40*hour
			for at, stale := range map[int64]bool{hour: true, 39 * hour: false, 48 * hour: true} {
				c.inMemory = Place{Offset: 100, At: at}
				v, err := task.Judge(f)
				require.NoError(t, err)
				require.Equal(t, []bool{stale, true}, []bool{v.Stale != "", v.Spare}, "at %d hours", at/hour)
			}
			c.inMemory = nowhere // the process has begun
			v, err := task.Judge(f)
			require.NoError(t, err)
			require.Empty(t, v.Stale)
			require.Equal(t, f.Now, c.inMemory.At)
		})
	}
}

// TestGlobalTablesOfALogThatParts from what was read of it: it had less of that in the leader's epoch.
func TestGlobalTablesOfALogThatParts(t *testing.T) {
	place := Place{Offset: 50, Topic: one, Epoch: 3}
	for name, c := range map[string]struct {
		start, end, written int64
		lost                bool
	}{
		"the same":          {0, 60, 50, false},
		"written on":        {0, 60, 55, false},
		"cut and grown":     {0, 60, 49, true},
		"cut to its start":  {0, 60, 0, true},
		"deleted meanwhile": {50, 60, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			log := Log{Topic: one, Start: c.start, End: c.end}.Compared(place.Offset, c.written)
			_, err := place.judgeGlobal("rates", 0, log, GlobalFacts{}, "")
			if !c.lost {
				require.NoError(t, err)
				return
			}
			var lost *LostInputError
			require.ErrorAs(t, err, &lost)
			require.Equal(t, c.written, lost.End)
		})
	}
}

// TestGlobalTablesMayMissDeletes, of a topic that forgets them after a day, or at once.
func TestGlobalTablesMayMissDeletes(t *testing.T) {
	for name, c := range map[string]struct {
		at, now int64
		forgets time.Duration
		again   bool
	}{
		"old":             {hour, 26 * hour, 24 * time.Hour, true},
		"fresh":           {hour, 24 * hour, 24 * time.Hour, false},
		"of the future":   {72 * hour, 40 * hour, 24 * time.Hour, true},
		"clocks differ":   {hour + 1000, hour, 24 * time.Hour, false},
		"forgets at once": {hour, hour + 5, time.Millisecond, true},
		"never forgets":   {hour, 999 * hour, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			place := Place{Offset: 50, Topic: one, At: c.at}
			log := Log{Topic: one, End: 60, Forgets: c.forgets}
			again, err := place.judgeGlobal("rates", 0, log, GlobalFacts{Now: c.now}, "")
			require.NoError(t, err)
			require.Equal(t, c.again, again != "")
		})
	}
}
