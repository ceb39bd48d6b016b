package connect_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/registry"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// nowhere takes what there is.
type nowhere struct{}

func (nowhere) Open(context.Context) error                                { return nil }
func (nowhere) Close() error                                              { return nil }
func (nowhere) Write(context.Context, []connect.Batch[string, any]) error { return nil }
func (nowhere) Claim(context.Context, []connect.Partition) (map[connect.Partition]int64, error) {
	return nil, nil
}

// TestStopWhileTheRegistryIsAway: a stop ends the wait for a schema, and the record is not taken for a bad one.
func TestStopWhileTheRegistryIsAway(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	away := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/subjects") {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		cancel()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer away.Close()
	b := fresh(t, 1)
	raw := streams.NewTopic(in.Name(), serde.String, serde.Bytes)
	value := []byte("\x00\x00\x00\x00\x63\x02a\x0a")
	require.NoError(t, broker.Produce(t.Context(), b, raw, streams.Record[string, []byte]{Key: "a", Value: value}))
	schemas := registry.New(registry.Config{URLs: []string{away.URL}, Wait: 5 * time.Second})
	values := serde.Serde[any](registry.Of(schemas, avro.Generic()))
	c := config(b, "stopped")
	c.OnError = streams.Skip
	r, err := connect.New(streams.NewTopic(in.Name(), serde.String, values), nowhere{}, c)
	require.NoError(t, err)
	require.NoError(t, r.Run(ctx))
	require.Zero(t, r.Status().Refused)
}
