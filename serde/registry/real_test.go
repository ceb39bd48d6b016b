package registry_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"math/big"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/servicetest"
	"github.com/millstream-go/millstream/internal/shop"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/serde/avro"
	"github.com/millstream-go/millstream/serde/jsonschema"
	"github.com/millstream-go/millstream/serde/protobuf"
	"github.com/millstream-go/millstream/serde/registry"
)

// TestRealRegistry is what the tests with a registry within the process show, on a real one.
func TestRealRegistry(t *testing.T) {
	server := servicetest.StartRegistry(t)
	connect := func() *registry.Registry {
		return registry.New(registry.Config{URLs: []string{server.URL}, Wait: 2 * time.Minute})
	}
	t.Run("formats", func(t *testing.T) { realFormats(t, connect) })
	t.Run("refused", func(t *testing.T) { realRefusals(t, connect()) })
	t.Run("references", func(t *testing.T) { realReferences(t, connect) })
	t.Run("java", func(t *testing.T) { realJava(t, server.URL, connect()) })
	t.Run("away", func(t *testing.T) { realAbsence(t, server, connect) })
}

// startOn starts serdes for a topic that is written.
func startOn(t *testing.T, topic string, s ...any) {
	require.NoError(t, serde.Start(context.Background(), serde.Use{Topic: topic, Write: true}, s...))
}

// realFormats: what one client writes, another one reads, which has to ask for the schema.
func realFormats(t *testing.T, connect func() *registry.Registry) {
	a := registry.Of(connect(), avro.Of[tenFields]("shop"))
	startOn(t, "avro", a)
	b, err := a.Append(nil, aRecord())
	require.NoError(t, err)
	got, err := registry.Of(connect(), avro.Of[tenFields]("shop")).Decode(b)
	require.NoError(t, err)
	require.Equal(t, aRecord(), got)

	p := registry.Of(connect(), protobuf.Of[*shop.Order_Item]())
	startOn(t, "protobuf", p)
	b, err = p.Append(nil, &shop.Order_Item{Name: "cup", Kind: shop.Order_CUP})
	require.NoError(t, err)
	item, err := registry.Of(connect(), protobuf.Of[*shop.Order_Item]()).Decode(b)
	require.NoError(t, err)
	require.Equal(t, "cup", item.GetName())
	dynamic, err := registry.Of(connect(), protobuf.Generic()).Decode(b)
	require.NoError(t, err)
	require.Equal(t, "shop.Order.Item", string(dynamic.Descriptor().FullName()))

	j := registry.Of(connect(), jsonschema.With[map[string]int](
		`{"$schema":"http://json-schema.org/draft-07/schema#","title":"M","type":"object"}`))
	startOn(t, "json", j)
	b, err = j.Append(nil, map[string]int{"a": 1})
	require.NoError(t, err)
	m, err := registry.Of(connect(), jsonschema.Generic()).Decode(b)
	require.NoError(t, err)
	require.Contains(t, m, "a")

	// One schema has one id in all subjects, and is found where it must be there.
	startOn(t, "more-avro", a)
	startOn(t, "more-protobuf", p)
	startOn(t, "avro", registry.Of(connect(), avro.Of[tenFields]("shop"), registry.MustExist()))
}

// realRefusals: a schema that what is there does not allow, by subject and reason.
func realRefusals(t *testing.T, r *registry.Registry) {
	type order struct {
		ID string `avro:"id"`
	}
	with := func(fields string) *registry.Serde[map[string]any] {
		return registry.Of(r, avro.With[map[string]any](`{"type":"record","name":"order","fields":[`+fields+`]}`))
	}
	startOn(t, "grown", registry.Of(r, avro.Of[order]("")))
	startOn(t, "grown", with(`{"name":"id","type":"string"},{"name":"note","type":"string","default":""}`))
	for _, fields := range []string{`{"name":"id","type":"string"},{"name":"must","type":"long"}`, `{"name":"id","type":"int"}`} {
		err := serde.Start(context.Background(), serde.Use{Topic: "grown", Write: true}, with(fields))
		var refused *registry.RefusedError
		require.ErrorAs(t, err, &refused)
		require.Equal(t, "grown-value", refused.Subject)
		require.NotEmpty(t, refused.Reason)
		t.Log(err)
	}
	err := serde.Start(context.Background(), serde.Use{Topic: "nowhere", Write: true},
		registry.Of(r, avro.Of[order](""), registry.MustExist()))
	var refused *registry.RefusedError
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "nowhere-value", refused.Subject)
	_, err = registry.Of(r, avro.Of[order]("")).Decode([]byte{0, 0, 0xff, 0, 0, 0})
	var unknown *registry.UnknownSchemaError
	require.ErrorAs(t, err, &unknown)
}

func realReferences(t *testing.T, connect func() *registry.Registry) {
	city := serde.Reference{Name: "t.City", Subject: "city", Schema: serde.Schema{Type: serde.AvroSchema,
		Text: `{"type":"record","name":"City","namespace":"t","fields":[{"name":"n","type":"string"}]}`}}
	codec := avro.With[map[string]any](`{"type":"record","name":"Order","namespace":"t","fields":[
		{"name":"to","type":"t.City"}]}`, city)
	s := registry.Of(connect(), codec)
	startOn(t, "referring", s)
	b, err := s.Append(nil, map[string]any{"to": map[string]any{"n": "Oslo"}})
	require.NoError(t, err)
	got, err := registry.Of(connect(), avro.Generic()).Decode(b)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"to": map[string]any{"n": "Oslo"}}, got)
}

// realAbsence: a registry that was killed is not missed for what is known, and waited for with what is not.
func realAbsence(t *testing.T, server *servicetest.Server, connect func() *registry.Registry) {
	s := registry.Of(connect(), avro.Of[tenFields]("shop"))
	startOn(t, "avro", s)
	b, err := s.Append(nil, aRecord())
	require.NoError(t, err)
	server.Kill()
	_, err = s.Decode(b)
	require.NoError(t, err)
	decoded := make(chan error)
	other := registry.Of(connect(), avro.Of[tenFields]("shop"))
	go func() {
		_, err := other.Decode(b)
		decoded <- err
	}()
	server.Restart()
	require.NoError(t, <-decoded)
}

// javaOrder is the record of Interop.java, with other types, another name of a field, and one more.
type javaOrder struct {
	Key   string           `avro:"key,alias=id"`
	Cents int64            `avro:"cents"`
	Total *big.Rat         `avro:"total,decimal(9,2)"`
	At    time.Time        `avro:"at"`
	Note  *string          `avro:"note"`
	Tags  map[string]int64 `avro:"tags"`
	Lines []javaLine       `avro:"lines"`
	More  int32            `avro:"more,default=7"`
}

type javaLine struct {
	Name string `avro:"name"`
	Kind string `avro:"kind"`
}

const javaReader = `{"type":"record","name":"Order","namespace":"shop","fields":[
	{"name":"key","type":"string","aliases":["id"]},
	{"name":"cents","type":"long"},
	{"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
	{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"note","type":["null","string"],"default":null},
	{"name":"tags","type":{"type":"map","values":"long"}},
	{"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
		{"name":"name","type":"string"},{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["CUP","PLATE"]}}]}}},
	{"name":"more","type":"int","default":7}]}`

type javaJSON struct {
	ID    string   `json:"id"`
	Cents int      `json:"cents"`
	Tags  []string `json:"tags"`
}

// realJava: Java's serializers write what is read here, and the other way round.
func realJava(t *testing.T, url string, r *registry.Registry) {
	native := strings.TrimSuffix(url, "/ccompat/v7") + "/registry/v2"
	orders := registry.Of(r, avro.With[javaOrder](javaReader))
	require.NoError(t, serde.ErrOf(orders))
	got, err := orders.Decode(unhex(t, java(t, native, "avro", "java-avro", "write")))
	require.NoError(t, err)
	note := "ring twice"
	want := javaOrder{
		Key: "o-1", Cents: 1999, Total: big.NewRat(-1999, 100), At: time.UnixMilli(1_777_777_777_777).UTC(), Note: &note,
		Tags: map[string]int64{"a": 1, "b": -2}, Lines: []javaLine{{"cup", "CUP"}}, More: 7,
	}
	require.Equal(t, want, got)
	startOn(t, "go-avro", orders)
	b, err := orders.Append(nil, got)
	require.NoError(t, err)
	require.Equal(t, `{"key": "o-1", "cents": 1999, "total": "ø1", "at": 1777777777777, "note": "ring twice", `+
		`"tags": {"a": 1, "b": -2}, "lines": [{"name": "cup", "kind": "CUP"}], "more": 7}`,
		java(t, native, "avro", "go-avro", "read", hex.EncodeToString(b)))

	docs := registry.Of(r, jsonschema.With[javaJSON](`{"$schema":"http://json-schema.org/draft-07/schema#","title":"Order",
		"type":"object","properties":{"id":{"type":"string"},"cents":{"type":"integer"}}}`))
	startOn(t, "json-both", docs)
	doc, err := docs.Decode(unhex(t, java(t, native, "json", "json-both", "write")))
	require.NoError(t, err)
	require.Equal(t, javaJSON{"j-1", 1999, []string{"a", "b"}}, doc)
	b, err = docs.Append(nil, doc)
	require.NoError(t, err)
	require.Equal(t, "Json[id=j-1, cents=1999, tags=[a, b]]",
		java(t, native, "json", "json-both", "read", hex.EncodeToString(b)))
}

func java(t *testing.T, args ...string) string {
	cmd := exec.Command("../../internal/servicetest/program.sh", append([]string{"testdata/java/Interop.java"}, args...)...)
	cmd.Env = append(os.Environ(), "JAVA_TOOL_OPTIONS=-Dstdout.encoding=UTF-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return strings.TrimSpace(string(out))
}

func unhex(t *testing.T, text string) []byte {
	b, err := hex.DecodeString(text)
	require.NoError(t, err)
	return b
}
