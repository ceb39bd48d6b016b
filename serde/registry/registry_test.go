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
	"github.com/twmb/franz-go/pkg/sr/srfake"

	"github.com/millstream-go/millstream/internal/shop"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/jsonschema"
	"github.com/millstream-go/millstream/serde/protobuf"
	"github.com/millstream-go/millstream/serde/registry"
)

type order struct {
	ID    string `avro:"id"`
	Cents int64  `avro:"cents"`
}

// newFake is a registry within the process, and a client of it that waits for so long.
func newFake(t testing.TB, wait time.Duration) (*srfake.Registry, *registry.Registry) {
	fake := srfake.New()
	t.Cleanup(fake.Close)
	return fake, registry.New(registry.Config{URLs: []string{fake.URL()}, Wait: wait})
}

var writeOrders = serde.Use{Topic: "orders", Write: true}

// started are serdes that may write topic orders.
func started[T any](t testing.TB, s *registry.Serde[T]) *registry.Serde[T] {
	require.NoError(t, serde.ErrOf(s))
	require.NoError(t, serde.Start(context.Background(), writeOrders, s))
	return s
}

func TestBytesOfConfluent(t *testing.T) {
	fake, r := newFake(t, 0)
	fake.SeedSchema("other", 1, 0x01020304, sr.Schema{Schema: avro.Of[order]("shop").Schema().Text})
	s := started(t, registry.Of(r, avro.Of[order]("shop")))
	b, err := s.Append([]byte("before"), order{"a", 5})
	require.NoError(t, err)
	require.Equal(t, "before\x00\x01\x02\x03\x04\x02a\x0a", string(b), "one schema, one id")
	got, err := s.Decode(b[6:])
	require.NoError(t, err)
	require.Equal(t, order{"a", 5}, got)

	pb := started(t, registry.Of(r, protobuf.Of[*shop.Customer](), registry.By(registry.RecordName)))
	b, err = pb.Append(nil, &shop.Customer{Name: "x"})
	require.NoError(t, err)
	require.Equal(t, []byte{0, b[1], b[2], b[3], b[4], 0, 0x0a, 1, 'x'}, b, "the first message is a single 0")
	inner := started(t, registry.Of(r, protobuf.Of[*shop.Order_Item](), registry.By(registry.RecordName)))
	b, err = inner.Append(nil, &shop.Order_Item{Name: "x"})
	require.NoError(t, err)
	require.Equal(t, []byte{4, 2, 0, 0x0a, 1, 'x'}, b[5:], "two indexes, 1 and 0, as zigzag")
	item, err := inner.Decode(b)
	require.NoError(t, err)
	require.Equal(t, "x", item.GetName())

	js := started(t, registry.Of(r, jsonschema.With[map[string]int](`{"title":"M"}`), registry.By(registry.RecordName)))
	b, err = js.Append(nil, map[string]int{"a": 1})
	require.NoError(t, err)
	require.Equal(t, `{"a":1}`, string(b[5:]))
	require.Equal(t, "registry(json,M)", serde.FormatOf(js))
	require.Equal(t, "registry(avro,shop.order)", serde.FormatOf(s))
	require.Equal(t, "registry(avro)", serde.FormatOf(registry.Of(r, avro.Generic())))
}

// TestSubjects: by each strategy, of keys and values, of topics and patterns.
func TestSubjects(t *testing.T) {
	a := serde.Schema{Type: serde.AvroSchema, Name: "shop.order"}
	for _, c := range []struct {
		subject registry.Subject
		use     serde.Use
		schema  serde.Schema
		want    string
		err     string
	}{
		{registry.TopicName, serde.Use{Topic: "t"}, a, "t-value", ""},
		{registry.TopicName, serde.Use{Topic: "t", Key: true}, a, "t-key", ""},
		{registry.TopicName, serde.Use{Topic: "t.*", Pattern: true}, a, "", `"t.*"`},
		{registry.RecordName, serde.Use{Topic: "t.*", Pattern: true, Key: true}, a, "shop.order", ""},
		{registry.RecordName, serde.Use{Topic: "t"}, serde.Schema{Type: serde.JSONSchema}, "", "the JSON schema, which has none"},
		{registry.TopicRecordName, serde.Use{Topic: "t", Key: true}, a, "t-shop.order", ""},
		{registry.TopicRecordName, serde.Use{Topic: "t.*", Pattern: true}, a, "", `"t.*"`},
		{registry.TopicRecordName, serde.Use{Topic: "t"}, serde.Schema{Type: serde.JSONSchema}, "", "which has none"},
	} {
		got, err := c.subject(c.use, c.schema)
		if c.err != "" {
			require.ErrorContains(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
}

func TestStartRegisters(t *testing.T) {
	fake, r := newFake(t, 0)
	s := registry.Of(r, avro.Of[order]("shop"))
	_, err := s.Append(nil, order{})
	require.ErrorIs(t, err, registry.ErrNotStarted)
	ctx := context.Background()
	require.NoError(t, serde.Start(ctx, serde.Use{Topic: "in"}, s))
	require.False(t, fake.SubjectExists("in-value"), "who only reads registers nothing")
	require.NoError(t, serde.Start(ctx, serde.Use{Topic: "out", Write: true}, serde.List(serde.Serde[order](s))))
	require.NoError(t, serde.Start(ctx, serde.Use{Topic: "out", Write: true}, s))
	require.NoError(t, serde.Start(ctx, serde.Use{Topic: "out", Write: true, Key: true}, s))
	for _, subject := range []string{"out-value", "out-key"} {
		got, ok := fake.GetSchema(subject, 1)
		require.True(t, ok, subject)
		require.Equal(t, avro.Of[order]("shop").Schema().Text, got.Schema.Schema)
	}
	_, ok := fake.GetSchema("out-value", 2)
	require.False(t, ok)
	_, err = s.Append(nil, order{})
	require.NoError(t, err)
}

func TestMustExist(t *testing.T) {
	fake, r := newFake(t, 0)
	s := registry.Of(r, avro.Of[order]("shop"), registry.MustExist())
	err := serde.Start(context.Background(), writeOrders, s)
	var refused *registry.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "orders-value", refused.Subject)
	require.EqualError(t, err, "values of topic orders: registry: subject orders-value: the schema is refused: it is not "+
		"there, and is not to be registered")
	require.False(t, fake.SubjectExists("orders-value"))
	_, _, err = fake.RegisterSchema("orders-value", sr.Schema{Schema: s.Parts()[0].(*avro.Serde[order]).Schema().Text})
	require.NoError(t, err)
	started(t, s)
}

func TestRefusedSchema(t *testing.T) {
	fake, r := newFake(t, 0)
	answer := func(w http.ResponseWriter, code int, body string) bool {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, err := w.Write([]byte(body))
		require.NoError(t, err)
		return true
	}
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		switch {
		case strings.HasPrefix(req.URL.Path, "/compatibility/subjects/orders-value/"):
			return answer(w, 200, `{"is_compatible":false,"messages":["reader field 'cents' has no default"]}`)
		case req.Method == http.MethodPost && strings.Contains(req.URL.Path, "/orders-value"):
			return answer(w, 409, `{"error_code":409,"message":"incompatible with an earlier schema"}`)
		case req.Method == http.MethodPost && strings.Contains(req.URL.Path, "/other-value"):
			return answer(w, 422, `{"error_code":42201,"message":"no schema at all"}`)
		}
		return false
	})
	s := registry.Of(r, avro.Of[order]("shop"))
	err := serde.Start(context.Background(), writeOrders, s)
	var refused *registry.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "orders-value", refused.Subject)
	require.Equal(t, "it is not compatible: reader field 'cents' has no default", refused.Reason)
	err = serde.Start(context.Background(), serde.Use{Topic: "other", Write: true}, s)
	require.ErrorAs(t, err, &refused)
	require.ErrorContains(t, err, "subject other-value: the schema is refused: no schema at all")
}

// TestOneSchemaOfSeveralIDs: bytes would depend on the topic.
func TestOneSchemaOfSeveralIDs(t *testing.T) {
	fake, r := newFake(t, 0)
	text := avro.Of[order]("shop").Schema().Text
	fake.Intercept(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost || !strings.HasPrefix(req.URL.Path, "/subjects/b-value") {
			return false
		}
		_, err := w.Write([]byte(`{"id":77}`))
		return err == nil
	})
	s := registry.Of(r, avro.Of[order]("shop"))
	fake.SeedSchema("a-value", 1, 5, sr.Schema{Schema: text})
	require.NoError(t, serde.Start(context.Background(), serde.Use{Topic: "a", Write: true}, s))
	err := serde.Start(context.Background(), serde.Use{Topic: "b", Write: true}, s)
	require.EqualError(t, err, "values of topic b: registry: one schema is schema id 77 under subject b-value, and schema id 5 under a-value: "+
		"make a serde for each")
}

func TestBadInput(t *testing.T) {
	fake, r := newFake(t, 0)
	fake.SeedSchema("texts-value", 1, 3, sr.Schema{Schema: `"string"`})
	fake.SeedSchema("wrong-value", 1, 4, sr.Schema{Schema: `{"type":"object"}`, Type: sr.TypeJSON})
	s := started(t, registry.Of(r, avro.Of[order]("shop")))
	var header *registry.HeaderError
	for _, src := range []string{"", "\x00", "\x00\x00\x00\x00", `{"id":"a","cents":5}`, "\x01\x00\x00\x00\x01"} {
		_, err := s.Decode([]byte(src))
		require.ErrorAs(t, err, &header)
		require.Equal(t, src[:min(16, len(src))], string(header.Begin))
	}
	_, err := s.Decode([]byte("\x00\x00\x00\x01\x00abc"))
	var unknown *registry.UnknownSchemaError
	require.ErrorAs(t, err, &unknown)
	require.Equal(t, 256, unknown.ID)
	for range 2 {
		_, err = s.Decode([]byte("\x00\x00\x00\x00\x03\x02a"))
		var unfit *registry.SchemaError
		require.ErrorAs(t, err, &unfit)
		require.Equal(t, 3, unfit.ID)
		var resolve *avro.ResolveError
		require.ErrorAs(t, err, &resolve)
		require.Equal(t, "string", resolve.WriterType)
		require.Equal(t, "record", resolve.ReaderType)
	}
	_, err = s.Decode([]byte("\x00\x00\x00\x00\x04{}"))
	require.ErrorContains(t, err, "registry: schema id 4: serde: avro: the writer's schema is of type JSON")
	b, err := s.Append(nil, order{"abc", 5})
	require.NoError(t, err)
	_, err = s.Decode(b[:len(b)-3])
	var truncated *avro.TruncatedError
	require.ErrorAs(t, err, &truncated)
	_, err = registry.Of(r, avro.Generic()).Append(nil, 1)
	require.EqualError(t, err, "serde: avro: Generic has no schema: it only reads, by a registry")
}

// TestReadingEvolves: values of three schemas in one topic, asked for once each.
func TestReadingEvolves(t *testing.T) {
	fake, r := newFake(t, 0)
	var asked atomic.Int64
	fake.Intercept(func(_ http.ResponseWriter, req *http.Request) bool {
		if strings.HasPrefix(req.URL.Path, "/schemas/ids/") {
			asked.Add(1)
		}
		return false
	})
	type newer struct {
		Key   string  `avro:"key,alias=id"`
		Cents float64 `avro:"cents"`
		Note  *string `avro:"note"`
	}
	one := started(t, registry.Of(r, avro.Of[order]("")))
	old, err := one.Append(nil, order{"a", 5})
	require.NoError(t, err)
	reader := registry.Of(r, avro.With[newer](strings.Replace(avro.Of[newer]("").Schema().Text, `"newer"`, `"order"`, 1)))
	require.NoError(t, serde.ErrOf(reader))
	for range 3 {
		got, err := reader.Decode(old)
		require.NoError(t, err)
		require.Equal(t, newer{Key: "a", Cents: 5}, got)
	}
	generic, err := registry.Of(r, avro.Generic()).Decode(old)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"id": "a", "cents": int64(5)}, generic)
	require.Zero(t, asked.Load(), "what is under the subject is known since the start")
	fresh := registry.New(registry.Config{URLs: []string{fake.URL()}})
	again := registry.Of(fresh, avro.Of[order](""))
	for range 3 {
		_, err := again.Decode(old)
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, asked.Load())
}

// TestReferencesAreRegistered, those that others need first, and read back.
func TestReferencesAreRegistered(t *testing.T) {
	fake, r := newFake(t, 0)
	city := serde.Reference{Name: "t.City", Subject: "city", Schema: serde.Schema{Type: serde.AvroSchema,
		Text: `{"type":"record","name":"City","namespace":"t","fields":[{"name":"n","type":"string"}]}`}}
	at := serde.Reference{Name: "t.At", Subject: "at", Schema: serde.Schema{Type: serde.AvroSchema,
		Text:       `{"type":"record","name":"At","namespace":"t","fields":[{"name":"city","type":"t.City"}]}`,
		References: []serde.Reference{city}}}
	codec := avro.With[map[string]any](`{"type":"record","name":"Order","namespace":"t","fields":[
		{"name":"at","type":"t.At"},{"name":"to","type":"t.City"}]}`, at, city)
	s := started(t, registry.Of(r, codec))
	top, ok := fake.GetSchema("orders-value", 1)
	require.True(t, ok)
	require.Equal(t, []sr.SchemaReference{{Name: "t.At", Subject: "at", Version: 1}, {Name: "t.City", Subject: "city", Version: 1}},
		top.References)
	v := map[string]any{"at": map[string]any{"city": map[string]any{"n": "Rome"}}, "to": map[string]any{"n": "Oslo"}}
	b, err := s.Append(nil, v)
	require.NoError(t, err)
	fresh := registry.New(registry.Config{URLs: []string{fake.URL()}})
	got, err := registry.Of(fresh, avro.Generic()).Decode(b)
	require.NoError(t, err)
	require.Equal(t, v, got)
}

func TestWrongSettings(t *testing.T) {
	r := registry.New(registry.Config{Wait: -1})
	s := registry.Of(r, avro.Of[order](""))
	require.EqualError(t, serde.ErrOf(s), "registry: Config.Wait is -1ns: must be above 0, up to 5 minutes")
	require.Error(t, serde.Start(context.Background(), writeOrders, s))
	_, err := s.Decode([]byte{0, 0, 0, 0, 1})
	require.Error(t, err)
	require.EqualError(t, serde.ErrOf(registry.Of(nil, avro.Of[order](""))), "registry: the registry is nil")
	_, good := newFake(t, 0)
	require.ErrorContains(t, serde.ErrOf(registry.Of(good, avro.With[order]("{"))), "serde: avro: schema")
	require.EqualError(t, serde.ErrOf(registry.Of[order](good, nil)), "serde: it is nil")
}
