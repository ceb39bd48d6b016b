package registry_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/registry"
)

// away answers the requests for one path with 503 as long as it is above 0.
func away(path string, left *atomic.Int64) func(w http.ResponseWriter, req *http.Request) bool {
	return func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasPrefix(req.URL.Path, path) || left.Add(-1) < 0 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
}

// TestRegistryAway: known ids go on, an unknown one waits until the registry is back.
func TestRegistryAway(t *testing.T) {
	fake, r := newFake(t, time.Minute)
	s := started(t, registry.Of(r, avro.Of[order]("shop")))
	known, err := s.Append(nil, order{"a", 5})
	require.NoError(t, err)
	fake.SeedSchema("later", 1, 99, sr.Schema{Schema: avro.Of[order]("shop").Schema().Text + " "})
	var left atomic.Int64
	left.Store(3)
	fake.Intercept(away("/", &left))
	_, err = s.Decode(known)
	require.NoError(t, err)
	require.EqualValues(t, 3, left.Load())
	got, err := s.Decode([]byte("\x00\x00\x00\x00\x63\x02a\x0a"))
	require.NoError(t, err)
	require.Equal(t, order{"a", 5}, got)
	require.Less(t, left.Load(), int64(0), "it has been asked until it answered")
}

// TestRegistryThatStaysAway: the wait ends, with an error that tells what was asked for.
func TestRegistryThatStaysAway(t *testing.T) {
	fake, r := newFake(t, time.Millisecond)
	s := registry.Of(r, avro.Of[order]("shop"))
	var left atomic.Int64
	left.Store(1 << 40)
	fake.Intercept(away("/schemas/ids/99", &left))
	_, err := s.Decode([]byte("\x00\x00\x00\x00\x63\x02a\x0a"))
	var unavailable *registry.UnavailableError
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, "schema id 99", unavailable.What)
	require.Equal(t, time.Millisecond, unavailable.Waited)
	require.NotErrorIs(t, err, serde.ErrStopped)

	gone := registry.New(registry.Config{URLs: []string{"http://127.0.0.1:1"}, Wait: time.Millisecond})
	err = serde.Start(context.Background(), writeOrders, registry.Of(gone, avro.Of[order]("shop")))
	require.ErrorAs(t, err, &unavailable)
	require.Equal(t, "subject orders-value", unavailable.What)
}

// TestStopEndsTheWait of a serde whose applications have all stopped.
func TestStopEndsTheWait(t *testing.T) {
	fake, r := newFake(t, 5*time.Minute)
	s := registry.Of(r, avro.Of[order]("shop"))
	one, stopOne := context.WithCancel(context.Background())
	two, stopTwo := context.WithCancel(context.Background())
	require.NoError(t, serde.Start(one, writeOrders, s))
	require.NoError(t, serde.Start(two, writeOrders, s))
	stopOne()
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasPrefix(req.URL.Path, "/schemas/ids/99") {
			return false
		}
		stopTwo()
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	_, err := s.Decode([]byte("\x00\x00\x00\x00\x63\x02a\x0a"))
	require.ErrorIs(t, err, serde.ErrStopped)
	require.ErrorIs(t, err, context.Canceled)
}

// TestAnswersThatWillNotChange are not waited for.
func TestAnswersThatWillNotChange(t *testing.T) {
	fake, r := newFake(t, 5*time.Minute)
	fake.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	})
	s := registry.Of(r, avro.Of[order]("shop"))
	err := serde.Start(context.Background(), writeOrders, s)
	var answer *sr.ResponseError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusForbidden, answer.StatusCode)
	require.NoError(t, serde.Start(context.Background(), serde.Use{Topic: "orders"}, s), "who reads needs no list")
	_, err = s.Decode([]byte("\x00\x00\x00\x00\x63"))
	require.ErrorAs(t, err, &answer)
}

// TestARegistryThatGoesAwayWhileSchemasAreFetched is not asked for each of them: that could be minutes.
func TestARegistryThatGoesAwayWhileSchemasAreFetched(t *testing.T) {
	fake, r := newFake(t, time.Minute)
	text := avro.Of[order]("shop").Schema().Text
	for v := 1; v <= 20; v++ {
		fake.SeedSchema("orders-value", v, v, sr.Schema{Schema: text + strings.Repeat(" ", v)})
	}
	asked := 0
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if !strings.HasPrefix(req.URL.Path, "/subjects/orders-value/versions/") {
			return false
		}
		asked++
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	s := registry.Of(r, avro.Of[order]("shop"))
	require.NoError(t, serde.Start(context.Background(), serde.Use{Topic: "orders"}, s))
	require.Positive(t, asked)
	require.Less(t, asked, 20)
}
