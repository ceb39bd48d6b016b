package searchsink

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/millstream-go/millstream/streams/connect"
)

// New makes the sink of an index. What is wrong with the Config, Open tells.
func New[K, V any](config Config[K, V]) connect.Sink[K, V] {
	config.URL = strings.TrimSuffix(config.URL, "/")
	if config.Client == nil {
		config.Client = http.DefaultClient
	}
	if config.BulkBytes == 0 {
		config.BulkBytes = 5 << 20
	}
	if config.Document == nil {
		config.Document = func(_ K, v V) any { return v }
	}
	return &sink[K, V]{config: config, most: mostAtOnce}
}

type sink[K, V any] struct {
	config Config[K, V]
	most   int // operations in a request: fewer after the index had too much to do
}

const mostAtOnce = 5000

func (s *sink[K, V]) Open(ctx context.Context) error {
	if err := s.config.validate(); err != nil {
		return &connect.SetupError{What: "searchsink.Config", Err: err}
	}
	status, answer, err := s.ask(ctx, http.MethodGet, "/"+s.config.Index, nil)
	if err == nil && status == http.StatusNotFound && s.config.Create != nil {
		status, answer, err = s.ask(ctx, http.MethodPut, "/"+s.config.Index, s.config.Create)
		if bytes.Contains(answer, []byte("resource_already_exists_exception")) { // another instance was faster
			return nil
		}
	}
	switch {
	case err != nil:
		return err
	case status == http.StatusTooManyRequests || status >= 500:
		return s.trouble(status, answer)
	case status >= 300:
		return &connect.SetupError{What: fmt.Sprintf("index %q", s.config.Index), Err: s.trouble(status, answer)}
	}
	return nil
}

// ask sends a request. The error is one of the way there.
func (s *sink[K, V]) ask(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.config.URL+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	for name, values := range s.config.Header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	if path == bulk {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := s.config.Client.Do(request)
	if err != nil {
		return 0, nil, fmt.Errorf("index %q: %w", s.config.Index, err)
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, fmt.Errorf("index %q: %w", s.config.Index, err)
	}
	return response.StatusCode, answer, nil
}

const bulk = "/_bulk"

func (s *sink[K, V]) trouble(status int, answer []byte) error {
	at := s.config.URL
	if u, err := url.Parse(at); err == nil {
		at = u.Redacted()
	}
	return fmt.Errorf("index %q at %s: status %d: %.300s", s.config.Index, at, status, answer)
}

// Claim needs no place: versions tell what is older.
func (s *sink[K, V]) Claim(context.Context, []connect.Partition) (map[connect.Partition]int64, error) {
	return nil, nil
}

func (s *sink[K, V]) Close() error { return nil }

// operation is one line or two of a request, and the record that it is for.
type operation struct {
	lines  []byte
	delete bool
	of     connect.Refusal // partition and offset
}

// Write sends all batches, in requests that have a bound. What the index refuses of them is told at the end; where it
// has too much to do, or is away, the call is repeated, and what was written changes nothing then.
func (s *sink[K, V]) Write(ctx context.Context, batches []connect.Batch[K, V]) error {
	var refused []connect.Refusal
	var waiting []operation
	size := 0
	send := func() error {
		if len(waiting) == 0 {
			return nil
		}
		no, err := s.send(ctx, waiting)
		refused = append(refused, no...)
		waiting, size = waiting[:0], 0
		return err
	}
	for _, b := range batches {
		for _, r := range b.Records {
			o := operation{of: connect.Refusal{Partition: b.Partition, Offset: r.Offset}}
			if o.lines, o.delete, o.of.Err = s.lines(r); o.of.Err != nil {
				refused = append(refused, o.of)
				continue
			}
			if len(waiting) >= s.most || size+len(o.lines) > s.config.BulkBytes {
				if err := send(); err != nil {
					return err
				}
			}
			waiting = append(waiting, o)
			size += len(o.lines)
		}
	}
	if err := send(); err != nil {
		return err
	}
	s.most = min(mostAtOnce, s.most+s.most/16+1)
	if len(refused) > 0 {
		return &connect.RefusedError{Records: refused}
	}
	return nil
}

type action struct {
	Index       string `json:"_index"`
	ID          string `json:"_id"`
	Version     int64  `json:"version"`
	VersionType string `json:"version_type"`
}

// generationBits leave offsets 48 bits, of the 63 that a version has.
const generationBits = 48

// lines are what is asked of the index for a record. Of equal versions the later write wins, so that a topic that is
// read again, for another form of the documents, has its effect.
func (s *sink[K, V]) lines(r connect.Record[K, V]) (lines []byte, deleted bool, err error) {
	if r.NullKey {
		return nil, false, errors.New("searchsink: a record without a key has no document")
	}
	version := int64(s.config.Generation)<<generationBits + r.Offset
	a := action{Index: s.config.Index, ID: s.config.ID(r.Key), Version: version, VersionType: "external_gte"}
	if r.NullValue && s.config.Deleted == nil {
		lines, err = json.Marshal(map[string]action{"delete": a})
		return append(lines, '\n'), true, err
	}
	var document any
	if r.NullValue {
		document = s.config.Deleted(r.Key)
	} else {
		document = s.config.Document(r.Key, r.Value)
	}
	head, err := json.Marshal(map[string]action{"index": a})
	if err != nil {
		return nil, false, err
	}
	body, err := json.Marshal(document)
	if err != nil {
		return nil, false, fmt.Errorf("searchsink: document: %w", err)
	}
	return append(append(append(head, '\n'), body...), '\n'), false, nil
}

// send makes one request, and names what was refused of it.
func (s *sink[K, V]) send(ctx context.Context, operations []operation) ([]connect.Refusal, error) {
	var body []byte
	for _, o := range operations {
		body = append(body, o.lines...)
	}
	status, answer, err := s.ask(ctx, http.MethodPost, bulk, body)
	switch {
	case err != nil:
		return nil, err
	case status == http.StatusTooManyRequests, status == http.StatusRequestEntityTooLarge && len(operations) > 1:
		s.fewer(len(operations))
		return nil, s.trouble(status, answer)
	case status == http.StatusBadRequest, status == http.StatusRequestEntityTooLarge: // as for an id that is too long
		if len(operations) > 1 {
			return s.halves(ctx, operations)
		}
		operations[0].of.Err = s.trouble(status, answer)
		return []connect.Refusal{operations[0].of}, nil
	case status != http.StatusOK:
		return nil, s.trouble(status, answer)
	}
	return s.results(operations, answer)
}

// halves finds what makes the index refuse a whole request.
func (s *sink[K, V]) halves(ctx context.Context, operations []operation) ([]connect.Refusal, error) {
	half := len(operations) / 2
	left, err := s.send(ctx, operations[:half])
	if err != nil {
		return left, err
	}
	right, err := s.send(ctx, operations[half:])
	return append(left, right...), err
}

// fewer is how the sink answers an index that has too much to do; each call that goes well allows some more again.
// Were it each request, a call that is repeated from its start would meet the bound again and again.
func (s *sink[K, V]) fewer(than int) { s.most = max(1, than/2) }

type result struct {
	Status int             `json:"status"`
	Error  json.RawMessage `json:"error"`
}

// results looks at what became of each operation.
func (s *sink[K, V]) results(operations []operation, answer []byte) (refused []connect.Refusal, err error) {
	var all struct {
		Items []map[string]result `json:"items"`
	}
	if err := json.Unmarshal(answer, &all); err != nil || len(all.Items) != len(operations) {
		return nil, fmt.Errorf("index %q: not the answer to a bulk request: %.300s", s.config.Index, answer)
	}
	for i, item := range all.Items {
		for _, r := range item {
			switch o := operations[i]; {
			case r.Status < 300, r.Status == http.StatusConflict: // a newer one is there
			case r.Status == http.StatusNotFound && o.delete && r.Error == nil: // there was none
			case r.Status == http.StatusTooManyRequests:
				s.fewer(len(operations))
				return refused, s.trouble(r.Status, r.Error)
			case r.Status >= 500, r.Status == http.StatusNotFound, r.Status == http.StatusForbidden:
				return refused, s.trouble(r.Status, r.Error)
			default:
				o.of.Err = s.trouble(r.Status, r.Error)
				refused = append(refused, o.of)
			}
		}
	}
	return refused, nil
}
