package files_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/files"
	"github.com/millstream-go/millstream/testkit/broker"
)

var lines = streams.NewTopic("lines", serde.String, serde.String)

func config(paths ...string) files.Config[string, string] {
	return files.Config[string, string]{
		Paths: paths, Settle: time.Millisecond, Lines: 7, Logger: slog.New(slog.DiscardHandler),
		Record: func(l files.Line) (streams.Record[string, string], bool) {
			return streams.NewRecord(filepath.Base(l.Path), string(l.Text), 1), len(l.Text) > 0 && l.Text[0] != '#'
		},
	}
}

// opened is the reader of a file, from a position.
func opened(t *testing.T, c files.Config[string, string], position []byte) connect.Reader[string, string] {
	t.Helper()
	r, err := files.New(c).Open(t.Context(), 0, position)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// all reads what is there now. A file that was renamed is given time to settle.
func all(t *testing.T, r connect.Reader[string, string]) (out []string, position []byte) {
	t.Helper()
	for idle := 0; idle < 4; {
		records, at, err := r.Read(t.Context())
		require.NoError(t, err)
		if len(records) == 0 {
			idle++
			time.Sleep(2 * time.Millisecond)
			continue
		}
		idle, position = 0, at
		for _, r := range records {
			out = append(out, r.Value)
		}
	}
	return out, position
}

func write(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = f.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// empty is logrotate's copytruncate.
func empty(t *testing.T, path, as string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(as, text, 0o600))
	require.NoError(t, os.Truncate(path, 0))
}

// TestLines: complete ones, with either end; what is left out moves the place.
func TestLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	r := opened(t, config(path), nil)
	got, _ := all(t, r)
	require.Empty(t, got, "it is not there yet")
	write(t, path, "one\ntwo\r\n# left out\n\nthr")
	got, position := all(t, r)
	require.Equal(t, []string{"one", "two"}, got)
	write(t, path, "ee\n# more\n")
	got, _ = all(t, r)
	require.Equal(t, []string{"three"}, got)
	got, _ = all(t, opened(t, config(path), position))
	require.Equal(t, []string{"three"}, got, "from the position on")
}

// TestRotation: a file that is renamed is read to its end, whoever still writes to it, and so are those behind it.
func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\n")
	r := opened(t, config(path), nil)
	_, position := all(t, r)
	write(t, path, "two\n")
	require.NoError(t, os.Rename(path, path+".1"))
	write(t, path+".1", "three\nno end")
	require.NoError(t, os.Rename(path+".1", path+".2"))
	write(t, path, "four\n")
	require.NoError(t, os.Rename(path, path+".1"))
	write(t, path, "five\n")
	want := []string{"two", "three", "no end", "four", "five"}
	got, _ := all(t, r)
	require.Equal(t, want, got)
	got, _ = all(t, opened(t, config(path), position))
	require.Equal(t, want, got, "and after a restart")
	got, _ = all(t, opened(t, config(path), nil))
	require.Equal(t, append([]string{"one"}, want...), got, "from the beginning")
}

// TestFilesThatBeginAlike: a place in a rotated file is not taken for one in the present file that has the same header,
// nor the other way round.
func TestFilesThatBeginAlike(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.csv")
	write(t, path, "name,age\n")
	got, first := all(t, opened(t, config(path), nil))
	require.Equal(t, []string{"name,age"}, got)
	write(t, path, "a,1\n")
	require.NoError(t, os.Rename(path, path+".1"))
	write(t, path, "name,age\n")
	got, second := all(t, opened(t, config(path), first))
	require.Equal(t, []string{"a,1", "name,age"}, got)
	write(t, path, "b,2\n")
	got, _ = all(t, opened(t, config(path), second))
	require.Equal(t, []string{"b,2"}, got)
}

// TestDeleted: what comes behind a file that was deleted once it was read is the present one, whatever the clock of the
// file system tells apart. Older files are not read again.
func TestDeleted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path+".1", "zero\n")
	write(t, path, "one\n")
	at := time.Now().Truncate(time.Second)
	require.NoError(t, os.Chtimes(path+".1", at.Add(-time.Minute), at.Add(-time.Minute)))
	require.NoError(t, os.Chtimes(path, at, at))
	r := opened(t, config(path), nil)
	got, _ := all(t, r)
	require.Equal(t, []string{"zero", "one"}, got)
	require.NoError(t, os.Remove(path))
	got, _ = all(t, r)
	require.Empty(t, got)
	write(t, path, "two\n")
	require.NoError(t, os.Chtimes(path, at, at))
	got, _ = all(t, r)
	require.Equal(t, []string{"two"}, got)
}

// TestTruncation: a file that is copied and emptied is read to its end in the copy.
func TestTruncation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\n")
	r := opened(t, config(path), nil)
	_, position := all(t, r)
	write(t, path, "two\n")
	empty(t, path, path+".1")
	write(t, path, "three, which is longer than what was there\n")
	want := []string{"two", "three, which is longer than what was there"}
	got, _ := all(t, r)
	require.Equal(t, want, got)
	got, _ = all(t, opened(t, config(path), position))
	require.Equal(t, want, got)
}

// TestLost: what was read is gone.
func TestLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\ntwo\n")
	r := opened(t, config(path), nil)
	_, position := all(t, r)
	require.NoError(t, os.Truncate(path, 0))
	write(t, path, "three\n")
	_, _, err := r.Read(t.Context())
	var lost *files.LostError
	require.ErrorAs(t, err, &lost)
	require.Equal(t, int64(8), lost.Offset)
	_, err = files.New(config(path)).Open(t.Context(), 0, position)
	var setup *connect.SetupError
	require.ErrorAs(t, err, &setup, "no repetition helps")
	accepting := config(path)
	accepting.AcceptLost = true
	got, _ := all(t, opened(t, accepting, position))
	require.Equal(t, []string{"three"}, got)
}

// TestMistakes: what is wrong is said.
func TestMistakes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	for want, c := range map[string]files.Config[string, string]{
		"Record is needed":             {Paths: []string{path}},
		"there is no path for split 0": {Record: config().Record},
	} {
		_, err := files.New(c).Open(t.Context(), 0, nil)
		require.ErrorContains(t, err, want)
	}
	short := config(path)
	short.LineBytes = 5
	write(t, path, "12345\n123456\n")
	r := opened(t, short, nil)
	_, _, err := r.Read(t.Context())
	require.ErrorContains(t, err, "longer than Config.LineBytes")
	_, err = files.New(config(path)).Open(t.Context(), 0, []byte("{"))
	require.ErrorContains(t, err, "position")
}

// TestKills: while files grow and are rotated either way, processes are killed and started; each line is there once, in
// its order.
func TestKills(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	b := broker.New(t)
	require.NoError(t, b.CreateTopics(t.Context(), 1, lines))
	dir := t.TempDir()
	paths := []string{filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")}
	const rounds = 40
	var next [2]int
	for round := range rounds {
		ctx, kill := context.WithCancel(t.Context())
		runner, err := connect.NewSource(lines, files.New(config(paths...)), connect.SourceConfig{
			Brokers: b.Addrs(), Name: "logs", Splits: 2, PollInterval: time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		})
		require.NoError(t, err)
		ended := make(chan error, 1)
		go func() { ended <- runner.Run(ctx) }() // ends with ctx
		for range 5 + rng.IntN(10) {
			for i, path := range paths {
				for range rng.IntN(30) {
					write(t, path, fmt.Sprintf("%d\n", next[i]))
					next[i]++
				}
				if rng.IntN(6) == 0 {
					rotate(t, rng, path, round*100+next[i])
				}
			}
		}
		if round == rounds-1 {
			waitFor(t, b, next[0]+next[1])
		}
		kill()
		require.NoError(t, <-ended)
	}
	records, err := broker.Read(t.Context(), b, lines)
	require.NoError(t, err)
	seen := map[string]int{}
	for _, r := range records {
		require.Equal(t, fmt.Sprint(seen[r.Key]), r.Value, r.Key)
		seen[r.Key]++
	}
	require.Equal(t, map[string]int{"a.log": next[0], "b.log": next[1]}, seen)
}

func waitFor(t *testing.T, b *broker.Broker, n int) {
	t.Helper()
	for range broker.Consume(t.Context(), b, lines) {
		if n--; n == 0 {
			return
		}
	}
}

// rotate renames a file, or copies and empties it, if there is something in it.
func rotate(t *testing.T, rng *rand.Rand, path string, n int) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil || info.Size() == 0 {
		return
	}
	as := fmt.Sprintf("%s.%06d", path, n)
	if rng.IntN(2) == 0 {
		empty(t, path, as)
		return
	}
	require.NoError(t, os.Rename(path, as))
}

// TestPositionIsText, to be read in the topic of positions.
func TestPositionIsText(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	write(t, path, "one\n")
	_, position := all(t, opened(t, config(path), nil))
	var at map[string]any
	require.NoError(t, json.Unmarshal(position, &at))
	require.EqualValues(t, 4, at["offset"])
}

// TestAnyOrder: lines, rotations, reads and restarts in random order; a read whose position is not kept comes again.
func TestAnyOrder(t *testing.T) {
	for range 40 {
		seed := rand.Uint64()
		rng := rand.New(rand.NewPCG(seed, 0))
		path := filepath.Join(t.TempDir(), "a.log")
		var got []string
		var position []byte
		r, err := files.New(config(path)).Open(t.Context(), 0, nil)
		require.NoError(t, err, seed)
		next := 0
		for range 200 {
			switch rng.IntN(8) {
			case 0, 1, 2:
				for range rng.IntN(20) {
					write(t, path, fmt.Sprintf("%d\n", next))
					next++
				}
			case 3:
				rotate(t, rng, path, next)
			case 4:
				require.NoError(t, r.Close())
				r, err = files.New(config(path)).Open(t.Context(), 0, position)
				require.NoError(t, err, seed)
			case 5:
				time.Sleep(time.Millisecond)
			default:
				records, at, err := r.Read(t.Context())
				require.NoError(t, err, seed)
				for _, one := range records {
					got = append(got, one.Value)
				}
				if len(records) > 0 {
					position = at
				}
			}
		}
		rest, _ := all(t, r)
		got = append(got, rest...)
		require.NoError(t, r.Close())
		for i, v := range got {
			require.Equal(t, fmt.Sprint(i), v, "seed %d", seed)
		}
		require.Len(t, got, next, "seed %d", seed)
	}
}
