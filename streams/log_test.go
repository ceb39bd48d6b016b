package streams

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
)

// TestWarningsThatRepeat come once in a while, for each message and address.
func TestWarningsThatRepeat(t *testing.T) {
	var out bytes.Buffer
	h := newWarnings(slog.NewTextHandler(&out, nil))
	at := time.UnixMilli(1_700_000_000_000)
	say := func(after time.Duration, message, addr string) {
		r := slog.NewRecord(at.Add(after), slog.LevelWarn, message, 0)
		r.AddAttrs(slog.String("addr", addr), slog.Duration("took", after))
		require.NoError(t, h.WithAttrs(nil).Handle(context.Background(), r))
	}
	for i := range 100 {
		say(time.Duration(i)*time.Millisecond, "unable to open connection", "one:9092")
	}
	say(time.Second, "unable to open connection", "two:9092")
	say(time.Second, "another thing", "one:9092")
	require.Equal(t, 3, strings.Count(out.String(), "\n"), out.String())
	out.Reset()
	say(sayAgain, "unable to open connection", "one:9092")
	require.Contains(t, out.String(), "left_out=99")
	require.False(t, h.Enabled(context.Background(), slog.LevelInfo), "what clients do is not told")
}

// TestABrokerThatIsBack is told once.
func TestABrokerThatIsBack(t *testing.T) {
	var out bytes.Buffer
	r := newReach(slog.New(slog.NewTextHandler(&out, nil)))
	broker := kgo.BrokerMetadata{Host: "one", Port: 9092}
	connect := func(err error) { r.OnBrokerConnect(broker, 0, nil, err) }
	connect(nil)
	connect(context.Canceled)
	connect(nil)
	require.Empty(t, out.String(), "it was never away")
	connect(errors.New("connection refused"))
	connect(errors.New("connection refused"))
	require.Empty(t, out.String(), "of that the client warns")
	connect(nil)
	connect(nil)
	require.Equal(t, 1, strings.Count(out.String(), "broker is reached again"), out.String())
	require.Contains(t, out.String(), "addr=one:9092")
}
