package streams_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// What the application's clients send at most in the tests below.
const mostSent = 20_000

// TestADeadLetterNearTheLimit: what it tells of the error is cut, or left out, so that it fits where its record came
// from.
func TestADeadLetterNearTheLimit(t *testing.T) {
	for name, size := range map[string]int{"by default": 999_700, "that nobody knows": mostSent - 200} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "in", "out", "dead")
			config := r.config(t.TempDir())
			config.OnError, config.DeadLetterTopic = streams.DeadLetter, "dead"
			if size < mostSent {
				config.Kafka = append(config.Kafka, kgo.ProducerBatchMaxBytes(mostSent))
			}
			_, stop := r.start(func(b *streams.Builder) {
				streams.From(b, in).FilterRecord(func(r record) (bool, error) {
					if len(r.Value) > 100 {
						return false, errors.New(strings.Repeat("it is too long ", 100))
					}
					return true, nil
				}).To(out)
			}, config)
			r.produceAt("in", 0, "k", "before")
			r.produceAt("in", 0, "k", strings.Repeat("x", size))
			r.produceAt("in", 0, "k", "after")
			r.requireValues("out", "before", "after")
			letters := r.read("dead", 1)
			require.Len(t, letters, 1)
			require.Len(t, letters[0].Value, size)
			require.NoError(t, stop())
		})
	}
}

// TestARowThatItsChangelogRefuses is a failure of the record that put it.
func TestARowThatItsChangelogRefuses(t *testing.T) {
	for _, policy := range []streams.ErrorAction{streams.Skip, streams.Fail} {
		t.Run(policy.String(), func(t *testing.T) {
			r := newRig(t, "in", "out")
			config := r.config(t.TempDir())
			config.OnError, config.Kafka = policy, append(config.Kafka, kgo.ProducerBatchMaxBytes(mostSent))
			piece := strings.Repeat("x", mostSent*2/5)
			r.produceAt("in", 0, "k", piece)
			r.produceAt("in", 0, "k", piece)
			r.produceAt("in", 0, "k", piece) // is one too many
			r.produceAt("in", 0, "k", "y")
			r.produceAt("in", 0, "l", piece)
			describe := func(b *streams.Builder) {
				texts := streams.Aggregate(streams.From(b, in).GroupByKey(), rows,
					func() string { return "" }, func(_, value, text string) string { return text + value })
				streams.MapValues(texts.ToStream(), func(text string) string { return strconv.Itoa(len(text)) }).To(out)
			}
			if policy == streams.Skip {
				_, stop := r.start(describe, config)
				r.requireValues("out", "8000", "16000", "16001", "8000")
				require.NoError(t, stop())
				return
			}
			var failed *streams.ProcessError
			require.ErrorAs(t, r.run(describe, config), &failed)
			require.ErrorIs(t, failed, state.ErrTooLarge)
			require.Equal(t, int64(2), failed.Offset)
			require.Equal(t, "in", failed.Topic)
		})
	}
}
