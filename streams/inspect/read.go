package inspect

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"strconv"

	"github.com/millstream-go/millstream/internal/storage"
)

// read takes the rows that are asked for from an open store, up to the limit.
func (q *query) read(store any, out *StoreRows) error {
	s := reflect.ValueOf(store)
	switch q.kind {
	case storage.KindKeyValue:
		return q.readKeyValue(s, out)
	case storage.KindWindow:
		return q.readByTime(s, "Fetch", out)
	case storage.KindSession:
		return q.readByTime(s, "Find", out)
	case storage.KindVersioned:
		return q.readVersioned(s, out)
	}
	return refuse(http.StatusBadRequest, "a store of kind %s is the library's own: it is not for queries", q.kind)
}

func (q *query) readKeyValue(s reflect.Value, out *StoreRows) error {
	if err := q.only("at", "versions"); err != nil {
		return err
	}
	switch {
	case q.values.Has("key"):
		key, err := q.keys.parse(q.values.Get("key"))
		if err != nil {
			return err
		}
		got := s.MethodByName("Row").Call([]reflect.Value{key})
		return q.one(got[0], got[1], got[2], out)
	case q.values.Has("prefix"):
		prefix, err := q.keys.bytes(q.values.Get("prefix"))
		if err != nil {
			return refuse(http.StatusBadRequest, "parameter prefix: %v", err)
		}
		return q.collect(s.MethodByName("Prefix").Call([]reflect.Value{reflect.ValueOf(prefix)}), out)
	case q.values.Has("from") || q.values.Has("to"):
		return q.readRange(s, out)
	case q.reverse:
		return q.collect(s.MethodByName("Reverse").Call(nil), out)
	}
	return q.collect(s.MethodByName("All").Call(nil), out)
}

// readRange reads from one key to another; what is not given is the first, or the last.
func (q *query) readRange(s reflect.Value, out *StoreRows) error {
	from, ok, err := q.bound("from", s.MethodByName("All").Call(nil))
	if err != nil || !ok {
		return err
	}
	to, ok, err := q.bound("to", s.MethodByName("Reverse").Call(nil))
	if err != nil || !ok {
		return err
	}
	if q.reverse {
		return q.collect(s.MethodByName("ReverseRange").Call([]reflect.Value{from, to}), out)
	}
	return q.collect(s.MethodByName("Range").Call([]reflect.Value{from, to}), out)
}

// bound is a key that is given, or the first one of a walk; ok is false if there is none.
func (q *query) bound(name string, walk []reflect.Value) (key reflect.Value, ok bool, err error) {
	if q.values.Has(name) {
		key, err = q.keys.parse(q.values.Get(name))
		if err != nil {
			err = refuse(http.StatusBadRequest, "parameter %s: %v", name, err)
		}
		return key, true, err
	}
	for row, failed := range walk[0].Seq2() {
		err, _ = failed.Interface().(error)
		return row.FieldByName("Key"), true, err
	}
	return key, false, nil
}

// readByTime reads windows or sessions: ofKey is the store's method for those of one key.
func (q *query) readByTime(s reflect.Value, ofKey string, out *StoreRows) error {
	from, to, err := q.times()
	if err != nil {
		return err
	}
	args := []reflect.Value{reflect.ValueOf(from), reflect.ValueOf(to)}
	if !q.values.Has("key") {
		if q.reverse {
			return q.collect(s.MethodByName("BetweenReverse").Call(args), out)
		}
		return q.collect(s.MethodByName("Between").Call(args), out)
	}
	key, err := q.keys.parse(q.values.Get("key"))
	if err != nil {
		return err
	}
	if args = append([]reflect.Value{key}, args...); q.reverse {
		ofKey += "Reverse"
	}
	return q.collect(s.MethodByName(ofKey).Call(args), out)
}

func (q *query) readVersioned(s reflect.Value, out *StoreRows) error {
	if err := q.only("from", "to", "prefix", "reverse"); err != nil {
		return err
	}
	if !q.values.Has("key") {
		if q.versions {
			return refuse(http.StatusBadRequest, "parameter versions: needs key")
		}
		return q.collect(s.MethodByName("All").Call(nil), out)
	}
	at := int64(math.MaxInt64)
	if text := q.values.Get("at"); text != "" {
		var err error
		if at, err = strconv.ParseInt(text, 10, 64); err != nil {
			return refuse(http.StatusBadRequest, "parameter at: %v", err)
		}
	}
	key, err := q.keys.parse(q.values.Get("key"))
	if err != nil {
		return err
	}
	if q.versions {
		return q.readVersions(s, key, at, out)
	}
	row, there, err := q.versionAt(s, key, at)
	if err == nil && there {
		q.add(row, out)
	}
	return err
}

// readVersions reads the versions of a key from the one that is valid at a time back to the oldest one that is known. A
// delete is a version with the value null; End is when the next version begins.
func (q *query) readVersions(s, key reflect.Value, at int64, out *StoreRows) error {
	var until *int64
	for {
		row, there, err := q.versionAt(s, key, at)
		if err != nil || !there && *row.Timestamp == 0 {
			return err
		}
		if len(out.Rows) == q.limit {
			out.Next = encoded(withValue(q.values, "at", strconv.FormatInt(at, 10)))
			return nil
		}
		row.End, until = until, row.Timestamp
		q.add(row, out)
		if at = *row.Timestamp - 1; at < 0 {
			return nil
		}
	}
}

// versionAt is the version of a key at a time. Where there is none, its timestamp is that of a delete, or 0.
func (q *query) versionAt(s, key reflect.Value, at int64) (row StoreRow, there bool, err error) {
	got := s.MethodByName("AsOf").Call([]reflect.Value{key, reflect.ValueOf(at)})
	err, _ = got[3].Interface().(error)
	timestamp := got[1].Int()
	row = StoreRow{Key: q.keys.shown(key), Timestamp: &timestamp}
	if there = got[2].Bool(); there {
		row.Value = q.value(got[0])
	}
	return row, there, err
}

// withValue is a copy with one value.
func withValue(values url.Values, name, value string) url.Values {
	out := url.Values{}
	for n, texts := range values {
		out[n] = texts
	}
	out.Set(name, value)
	return out
}

// only refuses parameters that the kind of store does not have.
func (q *query) only(not ...string) error {
	for _, name := range not {
		if q.values.Has(name) {
			return refuse(http.StatusBadRequest, "parameter %s is not for stores of kind %s", name, q.kind)
		}
	}
	return nil
}

// times are the bounds of a walk by time, in milliseconds.
func (q *query) times() (from, to int64, err error) {
	if err := q.only("prefix", "at", "versions"); err != nil {
		return 0, 0, err
	}
	to = math.MaxInt64
	for name, at := range map[string]*int64{"from": &from, "to": &to} {
		if text := q.values.Get(name); text != "" {
			if *at, err = strconv.ParseInt(text, 10, 64); err != nil {
				return 0, 0, refuse(http.StatusBadRequest, "parameter %s: must be milliseconds since 1970: %v", name, err)
			}
		}
	}
	return from, to, nil
}

// one adds a row that was looked up, if it is there.
func (q *query) one(row, ok, failed reflect.Value, out *StoreRows) error {
	if err, _ := failed.Interface().(error); err != nil || !ok.Bool() {
		return err
	}
	q.add(q.rowOf(row), out)
	return nil
}

// add adds the row that was read last, with where it is.
func (q *query) add(row StoreRow, out *StoreRows) {
	if partition, time := q.shown.Row(); partition >= 0 {
		row.Partition = &partition
		if time >= 0 {
			row.StreamTime = &time
		}
	}
	out.Rows = append(out.Rows, row)
}

func (q *query) rowOf(row reflect.Value) StoreRow {
	r := StoreRow{Key: q.keys.shown(row.FieldByName("Key")), Value: q.value(row.FieldByName("Value"))}
	for name, to := range map[string]**int64{"Timestamp": &r.Timestamp, "Start": &r.Start, "End": &r.End} {
		if f := row.FieldByName(name); f.IsValid() {
			n := f.Int()
			*to = &n
		}
	}
	return r
}

// collect adds the rows of a walk, up to the limit, and says where the next page begins.
func (q *query) collect(walk []reflect.Value, out *StoreRows) error {
	skip, same := q.skip, 0 // rows with the time of the last one, which a page in between cannot tell apart
	last, size := int64(-1), 0
	for row, failed := range walk[0].Seq2() {
		err, _ := failed.Interface().(error)
		if err := cmp.Or(err, q.gone()); err != nil {
			return err
		}
		if at, timed := q.timeOf(row); timed {
			if same++; at != last {
				last, same = at, 0
			}
		}
		if skip > 0 {
			skip--
			continue
		}
		if len(out.Rows) == q.limit || size > mostBytes {
			out.Next = q.next(row, same, len(out.Rows))
			return nil
		}
		r := q.rowOf(row)
		q.add(r, out)
		size += r.size()
	}
	return nil
}

// value is what is shown of a value.
func (q *query) value(v reflect.Value) any {
	if q.redact != nil {
		return shown(q.redact(v.Interface()))
	}
	return shown(v.Interface())
}

// size is about how many bytes a row has in an answer.
func (r StoreRow) size() (n int) {
	for _, v := range []any{r.Key, r.Value} {
		switch v := v.(type) {
		case json.RawMessage:
			n += len(v)
		case string:
			n += len(v)
		}
	}
	return n
}

// timeOf is the time by which rows of the kind are walked.
func (q *query) timeOf(row reflect.Value) (int64, bool) {
	switch q.kind {
	case storage.KindWindow:
		return row.FieldByName("Start").Int(), true
	case storage.KindSession:
		return row.FieldByName("End").Int(), true
	}
	return 0, false
}

// next is the query whose first row is the given one, in front of which so many of the same time were shown, and so
// many on this page.
func (q *query) next(row reflect.Value, same, rows int) string {
	values := map[string][]string{}
	for name, texts := range q.values {
		values[name] = texts
	}
	delete(values, "skip")
	at, timed := q.timeOf(row)
	switch {
	case q.kind == storage.KindVersioned || q.values.Has("prefix"):
		values["skip"] = []string{strconv.Itoa(q.skip + rows)}
		return encoded(values)
	case timed:
		values[q.side()] = []string{strconv.FormatInt(at, 10)}
	default:
		values[q.side()] = []string{q.keys.text(row.FieldByName("Key"))}
	}
	if timed && same > 0 {
		values["skip"] = []string{strconv.Itoa(same)}
	}
	return encoded(values)
}

func encoded(values url.Values) string { return "?" + values.Encode() }

// side is the bound from which a walk goes on.
func (q *query) side() string {
	if q.reverse {
		return "to"
	}
	return "from"
}
