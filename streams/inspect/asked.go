package inspect

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/millstream-go/millstream/internal/storage"
)

// asked is what the form asks of a store, with the answer.
type asked struct {
	Store, Key, Partition string
	Encoding              string // of keys; empty: as text
	Answer                *StoreRows
	Error                 string
	Elsewhere             *elsewhere // nil: nobody looked
}

// mostAsked is how many rows the page shows at a time.
const mostAsked = "20"

// ask looks a key up as GET stores/{store} does, with its parameters, in this process or in the one that has it;
// without a key it shows rows of this process. A key without a row is looked for in all partitions.
func (p *page) ask(r *http.Request, v shownPage) asked {
	q := r.URL.Query()
	out := asked{Store: q.Get("store"), Key: q.Get("key"), Partition: q.Get("partition"), Encoding: q.Get("encoding")}
	q.Del("store")
	for _, field := range []string{"key", "partition", "encoding"} {
		if q.Get(field) == "" {
			q.Del(field)
		}
	}
	q.Set("limit", mostAsked)
	store, err := p.stores.app.Store(out.Store)
	if err == nil && storage.Of(store).Kind() == storage.KindVersioned && out.Key != "" {
		q.Set("versions", "true")
	}
	out.Answer, out.Error = p.lookUp(r, out.Store, q)
	a := out.Answer
	if out.Key != "" && out.Partition == "" && a != nil && len(a.Rows) == 0 && a.Partition != nil {
		out.Elsewhere = p.lookElsewhere(r, out.Store, q, a, v)
	}
	return out
}

// Here is true if the rows are those of this process, and others may have more.
func (a asked) Here() bool { return a.Key == "" && a.Answer.Partition == nil }

// moreRows is the page with the rows behind these.
func moreRows(r *StoreRows) string {
	return "./?store=" + url.QueryEscape(r.Store) + "&" + strings.TrimPrefix(r.Next, "?") + "#stores-title"
}

// lookUp is what GET stores/{store} answers: rows, or an error.
func (p *page) lookUp(r *http.Request, name string, q url.Values) (rows *StoreRows, failure string) {
	req := r.Clone(r.Context())
	req.URL = &url.URL{Path: "/stores/" + name, RawQuery: q.Encode()}
	req.SetPathValue("store", name)
	answer := &recorded{header: http.Header{}}
	p.stores.ServeHTTP(answer, req)
	var refused struct{ Error string }
	err := json.Unmarshal(answer.body.Bytes(), &refused)
	if err == nil && refused.Error == "" {
		rows = &StoreRows{}
		err = json.Unmarshal(answer.body.Bytes(), rows)
	}
	if err != nil {
		return nil, err.Error()
	}
	return rows, refused.Error
}

// recorded is an answer for the page.
type recorded struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(int)             {}
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }
