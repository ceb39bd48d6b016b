package debezium

import (
	"encoding/base64"
	"fmt"
	"math/big"
	"strings"
)

// Decimal is an exact number as text, as PostgreSQL writes it: 19.99, -0.01, 1200. It may be "NaN", "Infinity" or
// "-Infinity", which PostgreSQL's numeric knows. Two of one value and scale are equal; use Rat to compare others. The
// zero value is not a number.
type Decimal string

// NewDecimal is unscaled / 10^scale, with scale digits behind the point; a negative scale adds zeros.
func NewDecimal(unscaled *big.Int, scale int) Decimal {
	digits := new(big.Int).Abs(unscaled).String()
	if scale < 0 && unscaled.Sign() != 0 {
		digits += strings.Repeat("0", -scale)
	}
	if scale > 0 {
		digits = strings.Repeat("0", max(0, scale+1-len(digits))) + digits
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	if unscaled.Sign() < 0 {
		digits = "-" + digits
	}
	return Decimal(digits)
}

// Rat is the exact value; ok is false if it is not a finite number.
func (d Decimal) Rat() (value *big.Rat, ok bool) {
	if !plain(string(d)) {
		return nil, false
	}
	return new(big.Rat).SetString(string(d))
}

// Unscaled is the value times 10^scale: of an amount in euros, with scale 2, the cents. The error says that it has more
// digits than that behind the point, or is not a finite number.
func (d Decimal) Unscaled(scale int) (*big.Int, error) {
	value, ok := d.Rat()
	if !ok {
		return nil, fmt.Errorf("debezium: %q is no finite number", string(d))
	}
	value.Mul(value, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)))
	if !value.IsInt() {
		return nil, fmt.Errorf("debezium: %q has more than %d digits behind the point", string(d), scale)
	}
	return value.Num(), nil
}

// plain is true for an optional sign, digits, and a point among or behind them.
func plain(s string) bool {
	s = strings.TrimPrefix(s, "-")
	whole, rest, point := strings.Cut(s, ".")
	return digits(whole) && (!point || digits(rest))
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// special are the values of numeric that are no numbers. Debezium writes them in this form in any mode.
func special(s string) bool {
	switch strings.TrimPrefix(s, "-") {
	case "NaN", "Infinity":
		return true
	}
	return false
}

// unscaledOf reads Java's BigInteger: big-endian, two's complement, in base64.
func unscaledOf(text string) (*big.Int, error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) == 0 {
		return nil, fmt.Errorf("%q is no number in bytes", text)
	}
	n := new(big.Int).SetBytes(b)
	if b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n, nil
}

// textOf is the reverse of unscaledOf, with as few bytes as BigInteger.toByteArray.
func textOf(n *big.Int) string {
	size := n.BitLen()/8 + 1
	if n.Sign() < 0 { // -2^(8k-1) needs one bit less than its absolute value
		size = new(big.Int).Not(n).BitLen()/8 + 1
		n = new(big.Int).Add(n, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return base64.StdEncoding.EncodeToString(n.FillBytes(make([]byte, size)))
}
