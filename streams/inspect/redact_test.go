package inspect_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	"github.com/millstream-go/millstream/testkit/broker"
)

// TestRedact: what is hidden of a value is shown nowhere, neither in answers nor in the page, and failed records, which
// nobody can hide a part of, are not shown at all.
func TestRedact(t *testing.T) {
	b, topo := broker.New(t), storesTopology(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	p := newProcess(t, b, topo)
	require.NoError(t, broker.Produce(t.Context(), b, words, at("a", 4711), at("a", 4712)))
	p.rows(t, `history?key=a&position={"words":{"0":2}}`)
	redacted := httptest.NewServer(inspect.Handler(p.app.Load(), inspect.Options{
		ShowRecords: true, Redact: func(store string, value any) any {
			if store != "history" {
				return value
			}
			return map[string]int{"letters": len(value.(string))}
		},
	}))
	defer redacted.Close()
	for _, path := range []string{
		"/stores/history?key=a", "/stores/history", "/stores/history?key=a&versions=true", "/?store=history&key=a",
		"/?store=history",
	} {
		status, body, _ := get(t, redacted, path)
		require.Equal(t, http.StatusOK, status)
		require.Regexp(t, `letters(":|&#34;:)5`, body, path)
		require.NotContains(t, body, "v471", path)
	}
	_, body, _ := get(t, redacted, "/stores/per-word?key=a")
	require.Contains(t, body, `"value":2`, "of other stores it is as it is")
	_, body, _ = get(t, redacted, "/stores/history?key=a&versions=true&at=1")
	require.Contains(t, body, `"rows":[]`, "there is nothing to hide of what is not there")
	status, body, _ := get(t, redacted, "/failures/words/0/0")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "Redact")
}

var (
	blobs  = streams.NewTopic("blobs", serde.Bytes, serde.String)
	byBlob = state.NewKeyValue("by-blob", serde.Bytes, serde.String)
)

// TestBinaryKeys: a key of any bytes is found by text, in an answer and in the page, with the same text that rows show.
func TestBinaryKeys(t *testing.T) {
	build := streams.NewBuilder("binary")
	streams.TableFrom(build, blobs, byBlob)
	streams.TableFrom(build, numbers, byNumber)
	topo, err := build.Build()
	require.NoError(t, err)
	b := broker.New(t)
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 1))
	p := newProcess(t, b, topo)
	require.NoError(t, broker.Produce(t.Context(), b, blobs,
		streams.Record[[]byte, string]{Key: []byte{0xff, 0, 0x80}, Value: "first"},
		streams.Record[[]byte, string]{Key: []byte{0xff, 1}, Value: "second"},
		streams.Record[[]byte, string]{Key: []byte("0a"), Value: "text"}))
	require.NoError(t, broker.Produce(t.Context(), b, numbers, streams.Record[int64, string]{Key: 258, Value: "number"}))
	after := "&wait=20s&position=" + url.QueryEscape(`{"blobs":{"0":3}}`)
	for path, want := range map[string][]string{
		"by-blob?key=ff0080&encoding=hex" + after:                     {"ff0080=first"},
		"by-blob?key=%2FwCA&encoding=base64" + after:                  {"/wCA=first"},
		"by-blob?key=0a&encoding=text" + after:                        {"MGE==text"},
		"by-blob?key=3061&encoding=hex" + after:                       {"3061=text"},
		"by-blob?prefix=ff&encoding=hex" + after:                      {"ff0080=first", "ff01=second"},
		"by-blob?from=ff01&encoding=hex" + after:                      {"ff01=second"},
		"by-blob?from=30&to=ff00ff&encoding=hex&reverse=true" + after: {"ff0080=first", "3061=text"},
	} {
		require.Equal(t, want, texts(p.rows(t, path)), path)
	}
	number := "0000000000000102"
	require.Equal(t, []string{number + "=number"}, texts(p.rows(t, "by-number?encoding=hex&key="+number)), "of any type")

	var paged []string
	for next := "?limit=1&encoding=hex"; next != ""; {
		page := p.rows(t, "by-blob"+next)
		paged, next = append(paged, texts(page)...), page.Next
	}
	require.Equal(t, []string{"3061=text", "ff0080=first", "ff01=second"}, paged)
	for path, want := range map[string]string{
		"by-blob?key=xy&encoding=hex":    "parameter key: encoding/hex",
		"by-blob?prefix=x&encoding=hex":  "parameter prefix: encoding/hex",
		"by-number?key=ff&encoding=hex":  "parameter key: ",
		"by-blob?key=a&encoding=morse":   "must be text, hex or base64",
		"by-blob?from=*&encoding=base64": "parameter from: illegal base64",
	} {
		status, _, failure, err := p.ask(path)
		require.NoError(t, err)
		require.Equal(t, http.StatusBadRequest, status, failure)
		require.Contains(t, failure, want, path)
	}
	_, body, _ := get(t, p.server, "/millstream/?store=by-blob&key=ff0080&encoding=hex")
	require.Contains(t, body, "<tr><td>ff0080</td><td>first</td>")
	require.Contains(t, body, "<option selected>hex</option>")
}
