package streams_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
)

// TestPolicyDecidesByTheError: what the function is told, and that each answer counts.
func TestPolicyDecidesByTheError(t *testing.T) {
	r := newRig(t, "words", "per-key", "dead")
	config := r.config(t.TempDir())
	var mu sync.Mutex
	var causes []string
	config.DeadLetterTopic = "dead"
	config.OnError = streams.PolicyFunc(func(e *streams.ProcessError) streams.ErrorAction {
		mu.Lock()
		defer mu.Unlock()
		causes = append(causes, e.Cause.String()+" "+string(e.Key)+" "+string(e.Value))
		require.NotEmpty(t, e.Node)
		require.Equal(t, "words", e.Topic)
		switch e.Cause {
		case streams.DecodingError:
			return streams.DeadLetter
		case streams.ProcessingError:
			return streams.Skip
		default:
			return streams.Fail
		}
	})
	unreadable := serde.New("string", serde.String.Append, func(b []byte) (string, error) {
		if string(b) == "unreadable" {
			return "", errors.New("cannot be read")
		}
		return string(b), nil
	})
	unwritable := serde.New("string", func(dst []byte, v string) ([]byte, error) {
		if v == "unwritable" {
			return nil, errors.New("cannot be written")
		}
		return serde.String.Append(dst, v)
	}, serde.String.Decode)
	a, err := streams.New(topo(t, func(b *streams.Builder) {
		words := streams.From(b, streams.NewTopic("words", serde.String, unreadable))
		words.FilterRecord(func(r record) (bool, error) {
			if r.Value == "wrong" {
				return false, errors.New("wrong")
			}
			return true, nil
		}).To(streams.NewTopic("per-key", serde.String, unwritable))
	}), config)
	require.NoError(t, err)
	for _, word := range []string{"unreadable", "wrong", "good", "unwritable"} {
		r.produceAt("words", 0, "k", word)
	}
	var failed *streams.ProcessError
	require.ErrorAs(t, a.Run(context.Background()), &failed)
	require.Equal(t, streams.EncodingError, failed.Cause)
	require.Equal(t, "unwritable", string(failed.Value))
	require.Equal(t, []string{"decoding k unreadable", "processing k wrong", "encoding k unwritable"}, causes)
	require.Equal(t, map[streams.DropReason]int64{streams.DropDeserialize: 1, streams.DropProcess: 1}, a.Dropped())
}

// TestARefusedRecordMeetsThePolicy: a result that is too large costs the record that it was made of and no other, those
// of the same batch included, and it is in the dead-letter topic.
func TestARefusedRecordMeetsThePolicy(t *testing.T) {
	for _, guarantee := range []streams.Guarantee{streams.ExactlyOnce, streams.AtLeastOnce} {
		t.Run(guarantee.String(), func(t *testing.T) {
			r := newRig(t, "words", "per-key", "dead")
			config := r.config(t.TempDir())
			config.Guarantee, config.DeadLetterTopic = guarantee, "dead"
			config.OnError = streams.PolicyFunc(func(e *streams.ProcessError) streams.ErrorAction {
				var refused *streams.ProduceError
				if e.Cause == streams.ProducingError && errors.As(e, &refused) && refused.Topic == "per-key" {
					return streams.DeadLetter
				}
				return streams.Fail
			})
			for _, word := range []string{"a", "large", "b", "c", "large", "d"} {
				r.produceAt("words", 0, "k", word)
			}
			a, stop := r.start(func(b *streams.Builder) {
				grow := func(w string) string {
					if w == "large" {
						return strings.Repeat("x", 3<<20)
					}
					return w
				}
				words := streams.From(b, streams.NewTopic("words", serde.String, serde.String))
				streams.MapValues(words, grow).To(streams.NewTopic("per-key", serde.String, serde.String))
			}, config)
			s := r.snapshotOf(a, func(s streams.Snapshot) bool {
				done := int64(0)
				for _, task := range s.Tasks {
					for _, in := range task.Inputs {
						done += in.Committed
					}
				}
				return done == 6
			})
			require.NoError(t, stop())
			require.Len(t, s.Drops, 1)
			require.GreaterOrEqual(t, s.Drops[0].Records, int64(2), "the first one again, once the second was met")
			ends, err := r.admin.ListEndOffsets(context.Background(), "dead")
			require.NoError(t, err)
			dead := int64(0)
			ends.Each(func(o kadm.ListedOffset) { dead += o.Offset })
			require.GreaterOrEqual(t, dead, int64(2))
			if guarantee == streams.ExactlyOnce {
				r.requireValues("per-key", "a", "b", "c", "d")
			}
		})
	}
}

// TestAPolicyThatFails ends the application: with its panic, and where it says what cannot be.
func TestAPolicyThatFails(t *testing.T) {
	always := func(a streams.ErrorAction) streams.PolicyFunc {
		return func(*streams.ProcessError) streams.ErrorAction { return a }
	}
	for want, policy := range map[string]streams.PolicyFunc{
		"Config.OnError: panic: oh":                   func(*streams.ProcessError) streams.ErrorAction { panic("oh") },
		"DeadLetter, and there is no DeadLetterTopic": always(streams.DeadLetter),
		"Config.OnError says action 7, which is none": always(7),
		"record does not decode":                      always(streams.Fail),
	} {
		r := newRig(t, "words", "per-key")
		r.sendBad()
		config := r.config(t.TempDir())
		config.OnError = policy
		err := r.run(func(b *streams.Builder) {
			numbers := streams.NewTopic("words", serde.String, serde.Int64)
			streams.From(b, numbers).To(perKey)
		}, config)
		require.ErrorIs(t, err, graph.ErrDeserialize)
		require.ErrorContains(t, err, want)
	}
}
