package docs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

type Payment struct {
	Card string `json:"card"`
}

type Verdict struct {
	OK bool `json:"ok"`
}

var (
	CardPayments = streams.NewTopic("card-payments", serde.String, serde.JSON[Payment]())
	Checked      = streams.NewTopic("checked", serde.String, serde.JSON[Verdict]())
)

var InFlight = state.NewInFlight("card-checks", serde.String, serde.JSON[Payment]())

var service string

func check(ctx context.Context, p Payment) (Verdict, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, service+"/cards/"+p.Card, nil)
	if err != nil {
		return Verdict{}, streams.Permanent(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Verdict{}, err // tried again
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return Verdict{}, streams.Permanent(errors.New("unknown card"))
	}
	var v Verdict
	return v, json.NewDecoder(resp.Body).Decode(&v)
}

func TestSlowCalls(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/3") {
			http.NotFound(w, r)
			return
		}
		_, err := w.Write([]byte(`{"ok":true}`))
		require.NoError(t, err)
	}))
	defer server.Close()
	service = server.URL
	b := streams.NewBuilder("cards")
	checked := streams.MapAsync(streams.From(b, CardPayments), check, streams.Calls{
		Concurrency: 200,
		Timeout:     2 * time.Second,
		Attempts:    5,
		PerSecond:   4000,
	}, InFlight)
	checked.To(Checked)
	topo, err := b.Build()
	require.NoError(t, err)

	d := testkit.New(t, topo, testkit.HoldCalls(), testkit.Skip())
	at := time.UnixMilli(1000)
	testkit.Input(d, CardPayments).Pipe("p1", Payment{Card: "1"}, at)
	testkit.Input(d, CardPayments).Pipe("p2", Payment{Card: "2"}, at)
	testkit.Input(d, CardPayments).Pipe("p3", Payment{Card: "3"}, at)
	d.Calls()[1].Make()
	require.Empty(t, testkit.Output(d, Checked).Read(), "the first one waits")
	d.Calls()[0].Timeout()
	d.Calls()[0].Make()
	require.Len(t, testkit.Output(d, Checked).Read(), 1)
	require.Equal(t, int64(2), d.Dropped()[streams.DropProcess])
}
