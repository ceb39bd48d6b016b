package debezium

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Names of logical types, of Debezium and of Connect itself.
const (
	nameDecimal  = "org.apache.kafka.connect.data.Decimal"
	nameVariable = "io.debezium.data.VariableScaleDecimal"
	nameJSON     = "io.debezium.data.Json"
	nameUUID     = "io.debezium.data.Uuid"
)

// unit is what a number counts.
type unit string

// timeUnits are the logical types that are points in time; empty: text.
var timeUnits = map[string]unit{
	"io.debezium.time.Date":                   "date",
	"org.apache.kafka.connect.data.Date":      "date",
	"io.debezium.time.Timestamp":              "millis",
	"org.apache.kafka.connect.data.Timestamp": "millis",
	"io.debezium.time.MicroTimestamp":         "micros",
	"io.debezium.time.NanoTimestamp":          "nanos",
	"io.debezium.time.ZonedTimestamp":         "",
	"io.debezium.time.IsoTimestamp":           "",
	"io.debezium.time.IsoDate":                "",
}

// durationUnits are those that are times of day, or durations.
var durationUnits = map[string]unit{
	"io.debezium.time.Time":              "millis",
	"org.apache.kafka.connect.data.Time": "millis",
	"io.debezium.time.MicroTime":         "micros",
	"io.debezium.time.NanoTime":          "nanos",
	"io.debezium.time.MicroDuration":     "micros",
	"io.debezium.time.NanoDuration":      "nanos",
}

var nanosPer = map[unit]int64{"millis": 1e6, "micros": 1e3, "nanos": 1}

// counted is the number of a column, with its unit: that of the schema, else that of the tag, which must agree.
func counted(raw json.RawMessage, s *schema, of map[string]unit, tag unit) (n int64, u unit, err error) {
	if null(raw) {
		return 0, "", ErrNull
	}
	u = tag
	if s != nil {
		declared, ok := of[s.Name]
		if !ok || declared == "" {
			return 0, "", fmt.Errorf("its type in the schema is %s %s, which does not fit", s.Type, s.Name)
		}
		if tag != "" && tag != declared {
			return 0, "", fmt.Errorf("%w is %s by the schema and %s by the tag", ErrUnit, declared, tag)
		}
		u = declared
	}
	if u == "" {
		return 0, "", fmt.Errorf("%w is not known, as there is no schema: name it in the tag", ErrUnit)
	}
	text, err := number(raw, nil)
	if err != nil {
		return 0, "", err
	}
	n, err = strconv.ParseInt(text, 10, 64)
	return n, u, numberError(err)
}

func times(tag unit) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			t, err := timeFrom(raw, s, tag)
			dst.Set(reflect.ValueOf(t))
			return err
		},
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			t := v.Interface().(time.Time).UTC()
			switch tag {
			case "date":
				return strconv.AppendInt(dst, floorDiv(t.Unix(), 86_400), 10), nil
			case "":
				return appendText(dst, t.Format(time.RFC3339Nano)), nil
			}
			return appendNanos(dst, t.Unix(), int64(t.Nanosecond()), tag), nil
		},
	}
}

func timeFrom(raw json.RawMessage, s *schema, tag unit) (time.Time, error) {
	if len(raw) > 0 && raw[0] == '"' {
		return zoned(raw, s, tag)
	}
	n, u, err := counted(raw, s, timeUnits, tag)
	if err != nil {
		return time.Time{}, err
	}
	if u == "date" {
		return time.Unix(n*86_400, 0).UTC(), nil
	}
	per := 1e9 / nanosPer[u]
	seconds := floorDiv(n, per)
	return time.Unix(seconds, (n-seconds*per)*nanosPer[u]).UTC(), nil
}

func zoned(raw json.RawMessage, s *schema, tag unit) (time.Time, error) {
	t, err := text(raw)
	if err != nil {
		return time.Time{}, err
	}
	if tag != "" {
		return time.Time{}, fmt.Errorf("%w is %s by the tag, but it is text, %.40q", ErrUnit, tag, t)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02Z07:00", time.DateOnly, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, t); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no time of a year from 0 to 9999%s", t, inSchema(s))
}

func inSchema(s *schema) string {
	if s.name() == "" {
		return ""
	}
	return ", of type " + s.Name
}

func durations(tag unit) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			if t, err := text(raw); err == nil && tag == "" && s == nil { // as append writes it
				d, err := time.ParseDuration(t)
				dst.SetInt(int64(d))
				return err
			}
			n, u, err := counted(raw, s, durationUnits, tag)
			if err != nil {
				return err
			}
			if u == "date" {
				return fmt.Errorf("%w of a duration is millis, micros or nanos", ErrUnit)
			}
			d := n * nanosPer[u]
			if d/nanosPer[u] != n {
				return fmt.Errorf("%d %s are more than a time.Duration holds, 292 years: use int64", n, u)
			}
			dst.SetInt(d)
			return nil
		},
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			if nanosPer[tag] == 0 {
				return appendText(dst, time.Duration(v.Int()).String()), nil
			}
			return strconv.AppendInt(dst, v.Int()/nanosPer[tag], 10), nil
		},
	}
}

func appendNanos(dst []byte, seconds, nanos int64, u unit) []byte {
	return strconv.AppendInt(dst, seconds*(1e9/nanosPer[u])+nanos/nanosPer[u], 10)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func decimals(scale int) codec {
	return codec{
		decode: func(raw json.RawMessage, s *schema, dst reflect.Value) error {
			d, err := decimalFrom(raw, s, scale)
			dst.SetString(string(d))
			return err
		},
		append: func(dst []byte, v reflect.Value) ([]byte, error) {
			if d := Decimal(v.String()); scale >= 0 && !special(string(d)) {
				n, err := d.Unscaled(scale)
				if err != nil {
					return dst, err
				}
				return appendText(dst, textOf(n)), nil
			}
			return appendText(dst, v.String()), nil
		},
	}
}

func decimalFrom(raw json.RawMessage, s *schema, scale int) (Decimal, error) {
	if len(raw) > 0 && raw[0] == '{' {
		return variable(raw)
	}
	if !null(raw) && len(raw) > 0 && raw[0] != '"' {
		return "", fmt.Errorf("%w of the connector is double, which is not exact: use float64, or mode precise or string",
			ErrDecimalMode)
	}
	t, err := text(raw)
	if err != nil || special(t) {
		return Decimal(t), err
	}
	if s != nil {
		if scale, err = scaleOf(s, scale); err != nil {
			return "", err
		}
	}
	if scale >= 0 {
		return preciseFrom(t, scale)
	}
	if !plain(t) {
		return "", fmt.Errorf("%.40q is no number: if %w of the connector is precise, the tag needs scale=N, or the topic "+
			"schemas", t, ErrDecimalMode)
	}
	return Decimal(t), nil
}

// scaleOf is the scale by the schema, with which the tag must agree; -1: it is text.
func scaleOf(s *schema, tag int) (int, error) {
	if s.Name != nameDecimal {
		if tag >= 0 {
			return -1, fmt.Errorf("%w of the connector is not precise, as the tag says: the schema has %s", ErrDecimalMode,
				s.Type)
		}
		return -1, nil
	}
	scale, err := strconv.Atoi(s.Parameters["scale"])
	if err == nil {
		err = checkScale(scale)
	}
	if err == nil && tag >= 0 && tag != scale {
		return -1, fmt.Errorf("its scale is %d by the schema and %d by the tag", scale, tag)
	}
	return scale, err
}

// mostScale is above what databases know: PostgreSQL's numeric has at most 131,072 digits before the point.
const mostScale = 200_000

// checkScale refuses what would be a text without end.
func checkScale(scale int) error {
	if scale < -mostScale || scale > mostScale {
		return fmt.Errorf("it is no decimal: its scale is %d", scale)
	}
	return nil
}

func preciseFrom(text string, scale int) (Decimal, error) {
	n, err := unscaledOf(text)
	if err != nil {
		return "", fmt.Errorf("%w, as scale=%d in the tag expects: is %w of the connector string?", err, scale,
			ErrDecimalMode)
	}
	return NewDecimal(n, scale), nil
}

// variable reads a numeric column without a scale, in mode precise.
func variable(raw json.RawMessage) (Decimal, error) {
	var v struct {
		Scale int    `json:"scale"`
		Value string `json:"value"`
	}
	if err := json.Unmarshal(raw, &v); err != nil || v.Value == "" {
		return "", fmt.Errorf("it is no decimal: %.40s", raw)
	}
	var n *big.Int
	n, err := unscaledOf(v.Value)
	if err == nil {
		err = checkScale(v.Scale)
	}
	if err != nil {
		return "", err
	}
	return NewDecimal(n, v.Scale), nil
}

// uuids take an empty text, which the connector makes up where a column must not be null, as the zero value.
var uuids = codec{
	kind: "string", name: nameUUID,
	decode: func(raw json.RawMessage, _ *schema, dst reflect.Value) error {
		t, err := text(raw)
		dst.SetZero()
		if err != nil || t == "" {
			return err
		}
		b, err := hex.DecodeString(strings.ReplaceAll(t, "-", ""))
		if err != nil || len(b) != 16 {
			return fmt.Errorf("%.40q is no UUID", t)
		}
		dst.Set(reflect.ValueOf([16]byte(b)).Convert(dst.Type()))
		return nil
	},
	append: func(dst []byte, v reflect.Value) ([]byte, error) {
		b := v.Convert(typeUUID).Interface().([16]byte)
		return fmt.Appendf(dst, `"%x-%x-%x-%x-%x"`, b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
	},
}
