package searchsink_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/servicetest"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/searchsink"
)

type total struct {
	Cents int64 `json:"cents"`
}

type batch = connect.Batch[string, total]

func config(url string) searchsink.Config[string, total] {
	return searchsink.Config[string, total]{URL: url, Index: "totals", ID: func(c string) string { return c }}
}

func put(key string, cents int64) streams.Record[string, total] {
	return streams.Record[string, total]{Key: key, Value: total{Cents: cents}}
}

func del(key string) streams.Record[string, total] {
	return streams.Record[string, total]{Key: key, NullValue: true}
}

func of(first int64, records ...streams.Record[string, total]) []batch {
	b := batch{Partition: connect.Partition{Topic: "t"}, First: first, Next: first + int64(len(records))}
	for i, r := range records {
		b.Records = append(b.Records, connect.Record[string, total]{Record: r, Offset: first + int64(i)})
	}
	return []batch{b}
}

// node answers bulk requests as answer says, and keeps them: a real one has neither too much to do nor fails in part
// when a test wants it to.
func node(t *testing.T, answer func(operations []string) (status int, body string)) (url string, requests *[]string) {
	requests = new([]string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/_bulk" {
			return
		}
		*requests = append(*requests, string(body))
		var operations []string
		for line := range strings.Lines(string(body)) {
			if strings.HasPrefix(line, `{"index"`) || strings.HasPrefix(line, `{"delete"`) {
				operations = append(operations, line)
			}
		}
		status, text := answer(operations)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}))
	t.Cleanup(server.Close)
	return server.URL, requests
}

// items answers each operation with a status.
func items(status func(operation string) int) func([]string) (int, string) {
	return func(operations []string) (int, string) {
		var all []string
		for _, o := range operations {
			failed := ""
			if s := status(o); s == 400 || s == 429 {
				failed = `,"error":{"type":"of_its_own","reason":"why"}`
			}
			all = append(all, fmt.Sprintf(`{"index":{"status":%d%s}}`, status(o), failed))
		}
		return 200, `{"errors":true,"items":[` + strings.Join(all, ",") + `]}`
	}
}

func TestRequests(t *testing.T) {
	url, requests := node(t, items(func(string) int { return 200 }))
	c := config(url)
	c.Generation = 1
	s := searchsink.New(c)
	require.NoError(t, s.Open(t.Context()))
	require.NoError(t, s.Write(t.Context(), of(5, put("a", 1), del("b"))))
	require.Equal(t, []string{`{"index":{"_index":"totals","_id":"a","version":281474976710661,"version_type":"external_gte"}}
{"cents":1}
{"delete":{"_index":"totals","_id":"b","version":281474976710662,"version_type":"external_gte"}}
`}, *requests)

	*requests = nil
	c.Generation, c.Deleted = 0, func(string) any { return map[string]bool{"deleted": true} }
	require.NoError(t, searchsink.New(c).Write(t.Context(), of(0, del("b"))))
	require.Equal(t, []string{`{"index":{"_index":"totals","_id":"b","version":0,"version_type":"external_gte"}}
{"deleted":true}
`}, *requests)

	*requests = nil
	c.BulkBytes = 250
	require.NoError(t, searchsink.New(c).Write(t.Context(), of(0, put("a", 1), put("b", 1), put("c", 1))))
	require.Len(t, *requests, 2)
	*requests = nil
	require.NoError(t, s.Write(t.Context(), []batch{{Next: 7}}), "a place alone needs no request")
	require.Empty(t, *requests)
}

// TestPartialFailures: each document by itself.
func TestPartialFailures(t *testing.T) {
	status := map[string]int{"new": 201, "gone": 404, "older": 409, "bad": 400}
	url, _ := node(t, items(func(o string) int {
		for name, s := range status {
			if strings.Contains(o, name) {
				return s
			}
		}
		return 200
	}))
	s := searchsink.New(config(url))
	require.NoError(t, s.Write(t.Context(), of(0, put("new", 1), del("gone"), put("older", 1))))
	var refused *connect.RefusedError
	require.ErrorAs(t, s.Write(t.Context(), of(7, put("new", 1), put("bad", 1), streams.Record[string, total]{NullKey: true})),
		&refused)
	require.Len(t, refused.Records, 2)
	require.EqualValues(t, 9, refused.Records[0].Offset)
	require.EqualValues(t, 8, refused.Records[1].Offset)
	require.ErrorContains(t, refused.Records[1].Err, "of_its_own")
	require.ErrorContains(t, s.Write(t.Context(), of(0, put("gone", 1))), "status 404", "the index is away")

	status["busy"], status["bad"] = 429, 503
	for _, busy := range []string{"busy", "bad"} {
		err := s.Write(t.Context(), of(0, put(busy, 1)))
		require.Error(t, err)
		require.False(t, errors.As(err, &refused), "trouble that passes")
	}
}

// TestTooMuchToDo: smaller requests, until they pass; then larger ones again.
func TestTooMuchToDo(t *testing.T) {
	most := 30
	url, requests := node(t, func(operations []string) (int, string) {
		if len(operations) > most {
			return 429, "too many"
		}
		return items(func(string) int { return 200 })(operations)
	})
	s := searchsink.New(config(url))
	var records []streams.Record[string, total]
	for i := range 400 {
		records = append(records, put(fmt.Sprint("k", i), 1))
	}
	tries := 0
	for ; s.Write(t.Context(), of(0, records...)) != nil; tries++ {
		require.Less(t, tries, 20)
	}
	require.Positive(t, tries)
	most = 1000
	for range 200 {
		*requests = nil
		require.NoError(t, s.Write(t.Context(), of(0, records...)))
	}
	require.Len(t, *requests, 1)

	refuses, _ := node(t, func(operations []string) (int, string) {
		if strings.Contains(strings.Join(operations, ""), "k77") {
			return 400, "id is too long"
		}
		return items(func(string) int { return 200 })(operations)
	})
	var refused *connect.RefusedError
	require.ErrorAs(t, searchsink.New(config(refuses)).Write(t.Context(), of(0, records...)), &refused)
	require.Len(t, refused.Records, 1)
	require.EqualValues(t, 77, refused.Records[0].Offset)
}

func TestUnfit(t *testing.T) {
	for status, what := range map[int]string{404: "no such index", 401: "who are you"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, what, status)
		}))
		var unfit *connect.SetupError
		err := searchsink.New(config(server.URL)).Open(t.Context())
		require.ErrorAs(t, err, &unfit)
		require.ErrorContains(t, err, what)
		require.ErrorContains(t, err, `index "totals" is not as it must be`)
		server.Close()
		err = searchsink.New(config(server.URL)).Open(t.Context())
		require.Error(t, err)
		require.False(t, errors.As(err, &unfit), "a node that is away may come back")
	}
	err := searchsink.New(searchsink.Config[string, total]{Generation: -1}).Open(t.Context())
	for _, text := range []string{"URL must", "Index is needed", "ID is needed", "Generation"} {
		require.ErrorContains(t, err, text)
	}
}

// TestOnOpenSearch: repeats and late zombies change nothing, tombstones delete, a bad document is found, and a node
// that is killed has what it acknowledged.
func TestOnOpenSearch(t *testing.T) {
	search := servicetest.StartOpenSearch(t)
	c := config(search.URL)
	require.ErrorContains(t, searchsink.New(c).Open(t.Context()), "index_not_found")
	c.Create = json.RawMessage(`{"mappings":{"properties":{"cents":{"type":"long"}}},"settings":{"number_of_replicas":0}}`)
	c.Document = func(key string, v total) any {
		if key == "bad" {
			return map[string]string{"cents": "no number"}
		}
		return v
	}
	s := searchsink.New(c)
	require.NoError(t, s.Open(t.Context()))
	require.NoError(t, s.Open(t.Context()), "it is there now")

	all := of(0, put("a", 1), put("b", 2), put("a", 3), put("c", 4), del("b"), del("never there"))
	require.NoError(t, s.Write(t.Context(), all))
	want := map[string]total{"a": {3}, "c": {4}}
	require.Equal(t, want, documents(t, search.URL))
	require.NoError(t, s.Write(t.Context(), all))
	require.NoError(t, s.Write(t.Context(), of(0, put("a", 9), put("b", 2))))
	require.Equal(t, want, documents(t, search.URL), "what is older changes nothing")

	var refused *connect.RefusedError
	require.ErrorAs(t, s.Write(t.Context(), of(6, put("d", 5), put("bad", 6), put("e", 7))), &refused)
	require.Len(t, refused.Records, 1)
	require.EqualValues(t, 7, refused.Records[0].Offset)
	want["d"], want["e"] = total{5}, total{7}
	require.Equal(t, want, documents(t, search.URL))
	require.ErrorAs(t, s.Write(t.Context(), of(9, put("f", 8), put(strings.Repeat("long", 200), 1))), &refused)
	require.EqualValues(t, 10, refused.Records[0].Offset)
	want["f"] = total{8}

	search.Kill()
	require.Error(t, s.Write(t.Context(), of(11, put("g", 9))))
	search.Restart()
	require.NoError(t, s.Write(t.Context(), of(11, put("g", 9))))
	require.NoError(t, s.Write(t.Context(), of(0, put("a", 9), put("b", 2))))
	want["g"] = total{9}
	require.Equal(t, want, documents(t, search.URL))
}

func documents(t *testing.T, url string) map[string]total {
	response, err := http.Post(url+"/totals/_refresh", "application/json", nil)
	require.NoError(t, err)
	response.Body.Close()
	response, err = http.Get(url + "/totals/_search?size=10000")
	require.NoError(t, err)
	defer response.Body.Close()
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string `json:"_id"`
				Source total  `json:"_source"`
			}
		}
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&found))
	out := map[string]total{}
	for _, h := range found.Hits.Hits {
		out[h.ID] = h.Source
	}
	return out
}

// TestThePasswordOfTheURLIsNotShown: errors come into logs and dead-letter topics.
func TestThePasswordOfTheURLIsNotShown(t *testing.T) {
	url, _ := node(t, func([]string) (int, string) { return http.StatusInternalServerError, "no" })
	withPassword := strings.Replace(url, "http://", "http://user:s3cret@", 1)
	err := searchsink.New(config(withPassword)).Write(t.Context(), of(0, put("a", 1)))
	require.ErrorContains(t, err, "http://user:xxxxx@127.0.0.1")
	err = searchsink.New(config("http://user:s3 cret@x")).Open(t.Context())
	require.ErrorContains(t, err, "URL is not one")
	require.NotContains(t, err.Error(), "cret")
}
