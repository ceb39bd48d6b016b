package serde

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"time"
)

// Timestamp is an instant as Kafka Connect writes its logical type Timestamp: a Java Long of the milliseconds since
// 1970. What is finer is cut off. Times that are read are in UTC.
var Timestamp Serde[time.Time] = timestamp{}

// Date is a day as Kafka Connect writes its logical type Date: a Java Integer of the days since 1970. As there, a time
// that is not midnight in UTC is an error.
var Date Serde[time.Time] = date{}

type timestamp struct{}

func (timestamp) Format() string { return "timestamp" }

func (timestamp) Append(dst []byte, v time.Time) ([]byte, error) {
	return Int64.Append(dst, v.UnixMilli())
}

func (timestamp) Decode(src []byte) (time.Time, error) {
	ms, err := Int64.Decode(src)
	if err != nil {
		return time.Time{}, fmt.Errorf("serde: timestamp: %w", err)
	}
	return time.UnixMilli(ms).UTC(), nil
}

type date struct{}

const daySeconds = 24 * 60 * 60

func (date) Format() string { return "date" }

func (date) Append(dst []byte, v time.Time) ([]byte, error) {
	s := v.Unix()
	if days := s / daySeconds; s%daySeconds == 0 && v.Nanosecond() == 0 && days == int64(int32(days)) {
		return Int32.Append(dst, int32(days))
	}
	return dst, fmt.Errorf("serde: date: %v is not midnight in UTC, or too far from 1970", v)
}

func (date) Decode(src []byte) (time.Time, error) {
	days, err := Int32.Decode(src)
	if err != nil {
		return time.Time{}, fmt.Errorf("serde: date: %w", err)
	}
	return time.Unix(int64(days)*daySeconds, 0).UTC(), nil
}

// Decimal is a number with a fixed count of digits behind the point, the scale, as Kafka Connect writes its logical
// type Decimal: the bytes of the unscaled value's BigInteger, big-endian in two's complement, as few as hold it. The
// scale is not in the bytes: who reads must know it. A value that needs more digits is an error. Scales below 0 are not
// supported.
func Decimal(scale int) Serde[*big.Rat] {
	one := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(scale, 0))), nil)
	return decimal{scale: scale, one: one}
}

type decimal struct {
	scale int
	one   *big.Int // unscaled
}

func (s decimal) Format() string { return fmt.Sprintf("decimal(%d)", s.scale) }

// Err is a scale that makes no sense.
func (s decimal) Err() error {
	if s.scale < 0 || s.scale > math.MaxInt16 {
		return fmt.Errorf("serde: decimal: scale %d: must be 0 or more, and no more than %d", s.scale, math.MaxInt16)
	}
	return nil
}

func (s decimal) Append(dst []byte, v *big.Rat) ([]byte, error) {
	if v == nil {
		return dst, errors.New("serde: decimal: the value is nil")
	}
	unscaled := new(big.Int).Mul(v.Num(), s.one)
	rest := new(big.Int)
	if unscaled.QuoRem(unscaled, v.Denom(), rest); rest.Sign() != 0 {
		return dst, fmt.Errorf("serde: decimal: %v needs more than %d digits behind the point", v, s.scale)
	}
	return appendInteger(dst, unscaled), nil
}

func (s decimal) Decode(src []byte) (*big.Rat, error) {
	if len(src) == 0 {
		return nil, errors.New("serde: decimal: no bytes")
	}
	unscaled := new(big.Int).SetBytes(src)
	if src[0] >= 0x80 {
		unscaled.Sub(unscaled, new(big.Int).Lsh(big.NewInt(1), uint(8*len(src))))
	}
	return new(big.Rat).SetFrac(unscaled, s.one), nil
}

// appendInteger appends Java's BigInteger.toByteArray: as few bytes of the two's complement as have a bit for the sign.
func appendInteger(dst []byte, v *big.Int) []byte {
	bits := v.BitLen()
	if v.Sign() < 0 { // -2^n has no more bits than 2^n - 1
		bits = new(big.Int).Not(v).BitLen()
		v = new(big.Int).Add(v, new(big.Int).Lsh(big.NewInt(1), uint(bits/8+1)*8))
	}
	n := bits/8 + 1
	at := len(dst)
	dst = append(slices.Grow(dst, n), make([]byte, n)...)
	v.FillBytes(dst[at:])
	return dst
}
