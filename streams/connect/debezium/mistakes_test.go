package debezium_test

import (
	"encoding/json"
	"math/big"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams/connect/debezium"
)

func TestNoChangeEvent(t *testing.T) {
	s := debezium.JSON[map[string]any]()
	for value, reason := range map[string]string{
		`{"id":1,"name":"Ada"}`:                         "it has no op",
		`[1]`:                                           "cannot unmarshal array",
		`{"op":"c","after":null}`:                       "op c has no after",
		`{"op":"u","before":{"id":1}}`:                  "op u has no after",
		`{"schema":{},"payload":null}`:                  "it has no op",
		`{"schema":[],"payload":{"op":"d"}}`:            "schema: ",
		`{"op":"d","source":7}`:                         "source: ",
		`{"schema":null,"payload":{"id":1,"name":"A"}}`: "it has no op",
		``:             "unexpected end",
		"\x00\x00\x00": "invalid character",
	} {
		_, err := s.Decode([]byte(value))
		require.ErrorIs(t, err, debezium.ErrEnvelope, value)
		require.ErrorContains(t, err, reason, value)
	}
	_, err := s.Decode([]byte(`{"op":"x","after":{}}`))
	var op *debezium.OpError
	require.ErrorAs(t, err, &op)
	require.Equal(t, debezium.Op("x"), op.Op)
	require.ErrorIs(t, err, debezium.ErrEnvelope)
	_, err = debezium.JSONBoundary().Decode([]byte(`{"op":"c","after":{}}`))
	require.ErrorContains(t, err, "not a boundary")
}

// schemaOf is a schema for one column, c.
func with(schema, value string) string {
	return `{"schema":{"type":"struct","fields":[` + schema + `]},"payload":{"c":` + value + `}}`
}

const (
	precise  = `{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"2"},"field":"c"}`
	variable = `{"type":"struct","name":"io.debezium.data.VariableScaleDecimal","field":"c"}`
	double   = `{"type":"double","field":"c"}`
	plain    = `{"type":"string","field":"c"}`
	micros   = `{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"c"}`
	bigint   = `{"type":"int64","field":"c"}`
)

func wrong[F any](t *testing.T, value string, is error, text string) {
	t.Helper()
	type row struct{ C F }
	_, err := debezium.JSONRow[row]().Decode([]byte(value))
	requireColumn(t, err, reflect.TypeFor[F](), is, text)
}

func requireColumn(t *testing.T, err error, field reflect.Type, is error, text string) {
	t.Helper()
	var column *debezium.ColumnError
	require.ErrorAs(t, err, &column)
	require.ErrorContains(t, err, text)
	require.Equal(t, field, column.Field)
	if is != nil {
		require.ErrorIs(t, err, is)
	}
}

// TestColumnsThatDoNotFit: the error names the column, the type, and what is to be done.
func TestColumnsThatDoNotFit(t *testing.T) {
	wrong[int64](t, `{"C":null}`, debezium.ErrNull, `column "C" into int64`)
	wrong[string](t, `{"C":null}`, debezium.ErrNull, "pointer")
	wrong[time.Time](t, `{"C":null}`, debezium.ErrNull, "pointer")
	wrong[bool](t, `{"C":null}`, debezium.ErrNull, "pointer")
	wrong[debezium.Decimal](t, `{"C":null}`, debezium.ErrNull, "pointer")
	wrong[uuid](t, `{"C":null}`, debezium.ErrNull, "pointer")
	wrong[int64](t, `{"c":1}`, debezium.ErrNoColumn, "optional")
	wrong[int8](t, `{"C":300}`, nil, "300: value out of range")
	wrong[uint32](t, `{"C":-1}`, nil, "-1: invalid syntax")
	wrong[int64](t, `{"C":1.5}`, nil, "1.5: invalid syntax")
	wrong[int64](t, `{"C":"7"}`, debezium.ErrDecimalMode, "it is text")
	wrong[string](t, `{"C":7}`, nil, "it is no text: 7")
	wrong[bool](t, `{"C":1}`, nil, "no boolean")
	wrong[[]byte](t, `{"C":"%%"}`, nil, "binary.handling.mode")
	wrong[uuid](t, `{"C":"a1"}`, nil, "no UUID")
	wrong[[]int32](t, `{"C":7}`, nil, "no array")
	wrong[map[string]int32](t, `{"C":7}`, nil, "no object")
	wrong[time.Time](t, `{"C":7}`, debezium.ErrUnit, "name it in the tag")
	wrong[time.Duration](t, `{"C":7}`, debezium.ErrUnit, "name it in the tag")
	wrong[time.Time](t, `{"C":"yesterday"}`, nil, `"yesterday" is no time`)

	type inner struct{ N int16 }
	type outer struct {
		Items []inner           `debezium:"items"`
		Tags  map[string]int32  `debezium:"tags,optional"`
		Doc   map[string]string `debezium:"doc,json,optional"`
		Day   time.Time         `debezium:"day,date,optional"`
		Days  []time.Time       `debezium:"days,micros,optional"`
	}
	for value, text := range map[string]string{
		`{"items":[{"N":1},{"N":"x"}]}`:      `column "items[1].N" into int16`,
		`{"items":[],"tags":{"a":true}}`:     `column "tags.a" into int32`,
		`{"items":[],"doc":"{"}`:             `column "doc" into map[string]string: its document`,
		`{"items":[],"day":"2026-01-01"}`:    `column "day" into time.Time: the unit of the number is date by the tag`,
		`{"items":[],"days":[1,"x"]}`:        `column "days[1]" into time.Time`,
		`{"items":[],"doc":{"already":"{"}}`: "it is no text",
	} {
		_, err := debezium.JSONRow[outer]().Decode([]byte(value))
		require.ErrorContains(t, err, text)
	}
}

// TestDecimalModesThatDiffer: with a schema each difference is found, without one those that leave a trace.
func TestDecimalModesThatDiffer(t *testing.T) {
	type row[F any] struct {
		C F `debezium:"c"`
	}
	type scaled struct {
		C debezium.Decimal `debezium:"c,scale=2"`
	}
	type finer struct {
		C debezium.Decimal `debezium:"c,scale=3"`
	}
	differ := func(s interface{ decodeError(string) error }, value, text string) {
		t.Helper()
		require.ErrorContains(t, s.decodeError(value), text)
	}
	differ(of[row[float64]]{}, with(precise, `"B88="`), "decimal.handling.mode of the connector is precise")
	differ(of[row[float64]]{}, with(variable, `{"scale":2,"value":"B88="}`), "is precise")
	differ(of[row[float64]]{}, with(plain, `"19.99"`), "it is text")
	differ(of[row[string]]{}, with(precise, `"B88="`), "is precise")
	differ(of[row[string]]{}, with(variable, `{"scale":2,"value":"B88="}`), "is precise")
	differ(of[row[[]byte]]{}, with(precise, `"B88="`), "is precise")
	differ(of[row[debezium.Decimal]]{}, with(double, `19.99`), "is double, which is not exact")
	differ(of[row[debezium.Decimal]]{}, `{"c":19.99}`, "is double")
	differ(of[row[debezium.Decimal]]{}, `{"c":"B88="}`, "the tag needs scale=N")
	differ(of[scaled]{}, `{"c":"19.99"}`, "is decimal.handling.mode of the connector string?")
	differ(of[scaled]{}, with(plain, `"19.99"`), "not precise, as the tag says")
	differ(of[finer]{}, with(precise, `"B88="`), "its scale is 2 by the schema and 3 by the tag")

	type stamped struct {
		C time.Time `debezium:"c,millis"`
	}
	differ(of[stamped]{}, with(micros, `1`), "micros by the schema and millis by the tag")
	differ(of[row[time.Time]]{}, with(bigint, `1`), "its type in the schema is int64")
	differ(of[row[time.Duration]]{}, with(micros, `1`), "which does not fit")
}

type of[R any] struct{}

func (of[R]) decodeError(value string) error {
	_, err := debezium.JSONRow[R]().Decode([]byte(value))
	return err
}

// TestTypesThatNoColumnFits are told by Build, before a record comes.
func TestTypesThatNoColumnFits(t *testing.T) {
	type row struct {
		A chan int
		B map[int]string
		C int              `debezium:"c,date"`
		D string           `debezium:"d,scale=2"`
		E debezium.Decimal `debezium:"e,scale=x"`
		F string           `debezium:"f,upper"`
		G []func()
	}
	err := serde.ErrOf(debezium.JSON[row]())
	for _, text := range []string{
		"row.A: no column fits type chan int", "row.B: the keys of a map are text", "row.C: tag: date is for time.Time",
		"row.D: tag: scale is for Decimal", `row.E: tag: "scale=x" is no scale`, `row.F: tag: there is no option "upper"`,
		"row.G: no column fits type func()",
	} {
		require.ErrorContains(t, err, text)
	}
	require.ErrorContains(t, debezium.JSONRow[int]().Err(), "a struct or a map of strings")
	require.ErrorContains(t, debezium.JSONRow[struct{ a int }]().Err(), "has no field")
	require.ErrorContains(t, debezium.JSONColumn[int64]("").Err(), "needs a name")
	require.ErrorContains(t, debezium.JSONColumn[time.Time]("at").WithSchema("k").Err(), `column "at"`)
}

// TestAnyColumns: tools read what they do not know; with a schema logical types are Go's.
func TestAnyColumns(t *testing.T) {
	c, err := debezium.JSON[map[string]any]().Decode([]byte(*records(t, "schemas", ".customers")[0].Value))
	require.NoError(t, err)
	row := c.After.Value
	require.Equal(t, debezium.Decimal("1234567.89"), row["balance"])
	require.Equal(t, *ada.Born, row["born"])
	require.Equal(t, *ada.Wakes, row["wakes"])
	require.Equal(t, ada.Profile, row["profile"])
	require.Equal(t, ada.Photo, row["photo"])
	require.Equal(t, json.Number("1"), row["id"])
	require.Nil(t, row["note"])

	c, err = debezium.JSON[map[string]any]().Decode([]byte(*records(t, "plain", ".customers")[4].Value))
	require.NoError(t, err)
	require.Equal(t, []string{"note"}, c.Unavailable)
	require.NotContains(t, c.After.Value, "note")
}

func TestTimes(t *testing.T) {
	type row struct {
		Date   time.Time     `debezium:"date,date"`
		Millis time.Time     `debezium:"millis,millis"`
		Nanos  time.Time     `debezium:"nanos,nanos"`
		Day    time.Duration `debezium:"day,millis"`
		Text   time.Time     `debezium:"text"`
	}
	got, err := debezium.JSONRow[row]().Decode([]byte(
		`{"date":-1,"millis":-1,"nanos":-1,"day":1,"text":"2026-01-01T02:00:00+02:00"}`))
	require.NoError(t, err)
	require.Equal(t, row{
		Date: date("1969-12-31T00:00:00Z"), Millis: date("1969-12-31T23:59:59.999Z"),
		Nanos: date("1969-12-31T23:59:59.999999999Z"), Day: time.Millisecond, Text: date("2026-01-01T00:00:00Z"),
	}, got)
	again, err := debezium.JSONRow[row]().Append(nil, got)
	require.NoError(t, err)
	require.JSONEq(t, `{"date":-1,"millis":-1,"nanos":-1,"day":1,"text":"2026-01-01T00:00:00Z"}`, string(again))
}

// TestDecimalsComeBack: any number in any scale, as bytes and as text.
func TestDecimalsComeBack(t *testing.T) {
	type row struct {
		Bytes debezium.Decimal `debezium:"bytes,scale=4"`
		Text  debezium.Decimal `debezium:"text"`
	}
	s := debezium.JSONRow[row]()
	rapid.Check(t, func(t *rapid.T) {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "bytes"))
		if rapid.Bool().Draw(t, "negative") {
			n.Neg(n)
		}
		d := debezium.NewDecimal(n, 4)
		b, err := s.Append(nil, row{Bytes: d, Text: d})
		require.NoError(t, err)
		back, err := s.Decode(b)
		require.NoError(t, err)
		require.Equal(t, row{Bytes: d, Text: d}, back)
		unscaled, err := d.Unscaled(4)
		require.NoError(t, err)
		require.Zero(t, n.Cmp(unscaled))
	})
	_, err := debezium.Decimal("1.05").Unscaled(1)
	require.ErrorContains(t, err, "more than 1 digits")
	_, err = debezium.Decimal("NaN").Unscaled(1)
	require.ErrorContains(t, err, "no finite number")
	require.Equal(t, debezium.Decimal("1200"), debezium.NewDecimal(big.NewInt(12), -2))
	require.Equal(t, debezium.Decimal("-0.05"), debezium.NewDecimal(big.NewInt(-5), 2))
}

// FuzzDecode finds values that panic.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"op":"c","after":{"id":1,"amount":{"scale":1,"value":"AA=="}},"source":{"snapshot":true}}`))
	f.Add([]byte(with(precise, `"B88="`)))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = debezium.JSON[customer]().Decode(b)
		_, _ = debezium.JSON[map[string]any]().Decode(b)
		_, _ = debezium.JSONRow[told]().Decode(b)
		_, _ = debezium.JSONBoundary().Decode(b)
	})
}

// TestColumnsCalledSchemaAndPayload: a plain row that has them is no row behind its schema.
func TestColumnsCalledSchemaAndPayload(t *testing.T) {
	type event struct {
		Schema  string `debezium:"schema"`
		Payload string `debezium:"payload"`
	}
	alone, err := debezium.JSONRow[event]().Decode([]byte(`{"schema":"v1","payload":"x"}`))
	require.NoError(t, err)
	require.Equal(t, event{"v1", "x"}, alone)
	typed, err := debezium.JSONRow[struct {
		ID      int64           `debezium:"id"`
		Schema  json.RawMessage `debezium:"schema,json"`
		Payload string          `debezium:"payload"`
	}]().Decode([]byte(`{"id":7,"schema":"{\"type\":\"struct\"}","payload":"x"}`))
	require.NoError(t, err)
	require.EqualValues(t, 7, typed.ID)
	require.Equal(t, "x", typed.Payload)
}
