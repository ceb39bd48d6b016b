package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// fleet is the processes of the application that serve their stores, each by a number of its own. Some may be down.
type fleet struct {
	*rig
	client *http.Client

	mu      sync.Mutex
	members map[int]*member
}

type member struct {
	*process
	url string // ends without a slash
}

func newFleet(r *rig) *fleet {
	return &fleet{rig: r, client: &http.Client{Timeout: time.Minute}, members: map[int]*member{}}
}

var pageAt = regexp.MustCompile(`page is at (http://[\d.:]+)/`)

// up starts a process on its state directory, and returns when it serves.
func (f *fleet) up(i int) *member {
	m := &member{process: f.startApp(i, "-serve")}
	for m.url == "" {
		require.True(f.t, m.runs(), "%s", m.output())
		if at := pageAt.FindStringSubmatch(m.output()); at != nil {
			m.url = at[1]
			continue
		}
		time.Sleep(5 * time.Millisecond)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members[i] = m
	return m
}

// minutes asks a process for the totals of a customer. The status is 0 if there is no whole answer: the process was
// killed.
func (f *fleet) minutes(
	ctx context.Context, m *member, customer string, more url.Values,
) (status int, rows *inspect.StoreRows, text string) {
	q := url.Values{"key": {customer}}
	maps.Copy(q, more)
	status, body, header := f.get(ctx, m.url+"/stores/"+"minutes"+"?"+q.Encode())
	switch {
	case status == http.StatusServiceUnavailable && header.Get("Retry-After") == "":
		return -1, nil, "503 without Retry-After: " + string(body)
	case status != http.StatusOK:
		return status, nil, string(body)
	}
	rows = &inspect.StoreRows{}
	if err := json.Unmarshal(body, rows); err != nil {
		return -1, nil, fmt.Sprintf("%v: %s", err, body)
	}
	return status, rows, string(body)
}

func (f *fleet) get(ctx context.Context, at string) (status int, body []byte, header http.Header) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return -1, []byte(err.Error()), nil
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return 0, []byte(err.Error()), nil
	}
	defer func() { _ = resp.Body.Close() }()
	body, err = io.ReadAll(resp.Body)
	if err != nil {
		return 0, []byte(err.Error()), nil
	}
	return resp.StatusCode, body, resp.Header
}

// partitions are those of the orders whose tasks run in a process.
func (f *fleet) partitions(m *member) (all []int32) {
	status, body, _ := f.get(context.Background(), m.url+"/api/v1/snapshot")
	require.Equal(f.t, http.StatusOK, status, "%s", body)
	var s streams.Snapshot
	require.NoError(f.t, json.Unmarshal(body, &s))
	for _, task := range s.Tasks {
		for _, in := range task.Inputs {
			if task.Running && in.Topic == Orders.Name() {
				all = append(all, in.Partition)
			}
		}
	}
	return all
}

// waitShared returns when each partition is in one of the processes that are up, and each of these has one.
func (f *fleet) waitShared(partitions int) (owners map[int32]int) {
	for {
		owners = map[int32]int{}
		idle := false
		for i, m := range f.members {
			require.True(f.t, m.runs(), "%s", m.output())
			has := f.partitions(m)
			idle = idle || len(has) == 0
			for _, p := range has {
				owners[p] = i
			}
		}
		if !idle && len(owners) == partitions {
			return owners
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// answered is the answer of a process.
type answered struct {
	customer  string
	partition int32
	offset    int64
	totals    map[int64]Total
	at        time.Time // of the view
}

// answerOf is what rows say of a customer.
func answerOf(customer string, rows *inspect.StoreRows) (a answered, err error) {
	a = answered{customer: customer, totals: map[int64]Total{}, at: rows.At}
	of := rows.Position[Orders.Name()]
	if len(of) != 1 || len(rows.Position) != 1 {
		return a, fmt.Errorf("position %v", rows.Position)
	}
	for a.partition, a.offset = range of {
	}
	for _, r := range rows.Rows {
		var t Total
		text, err := json.Marshal(r.Value)
		if err != nil {
			return a, err
		}
		if err := json.Unmarshal(text, &t); err != nil {
			return a, err
		}
		if _, twice := a.totals[*r.Start]; twice || r.Key != customer {
			return a, fmt.Errorf("row of %v at %d", r.Key, *r.Start)
		}
		a.totals[*r.Start] = t
	}
	return a, nil
}
