package settings

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Properties reads the format of java.util.Properties, in UTF-8. A name that is given twice is an error.
func Properties(r io.Reader) (*Values, error) {
	v := newValues(func(name string) string { return name })
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestLine)
	for number := 1; lines.Scan(); number++ {
		line, first := strings.TrimLeft(lines.Text(), " \t\f"), number
		if line == "" || line[0] == '#' || line[0] == '!' {
			continue
		}
		for continues(line) {
			line = line[:len(line)-1]
			if !lines.Scan() {
				break
			}
			number++
			line += strings.TrimLeft(lines.Text(), " \t\f")
		}
		name, value, err := property(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", first, err)
		}
		if name == "" {
			return nil, fmt.Errorf("line %d: it has no name", first)
		}
		if _, twice := v.given[name]; twice {
			return nil, fmt.Errorf("line %d: %s is given twice", first, shown(name))
		}
		v.given[name] = value
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	return v, nil
}

// longestLine has room for a chain of certificates.
const longestLine = 1 << 20

// continues is true if the line goes on in the next one: it ends with an odd number of backslashes.
func continues(line string) bool {
	return (len(line)-len(strings.TrimRight(line, `\`)))%2 > 0
}

// property takes a line apart: the name ends at the first =, : or white space that has no backslash before it.
func property(line string) (name, value string, err error) {
	end := 0
	for end < len(line) && !strings.ContainsRune("=: \t\f", rune(line[end])) {
		if line[end] == '\\' {
			end++
		}
		end++
	}
	end = min(end, len(line))
	rest := strings.TrimLeft(line[end:], " \t\f")
	if rest != "" && (rest[0] == '=' || rest[0] == ':') {
		rest = strings.TrimLeft(rest[1:], " \t\f")
	}
	if name, err = unescape(line[:end]); err != nil {
		return "", "", err
	}
	value, err = unescape(rest)
	return name, value, err
}

var escapes = map[byte]rune{'t': '\t', 'n': '\n', 'r': '\r', 'f': '\f'}

// unescape replaces what a backslash begins: \t \n \r \f, \uXXXX, and any other character by itself.
func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b.WriteByte(s[i])
		case i+1 == len(s): // Java drops it, too
		case s[i+1] == 'u':
			code, err := strconv.ParseUint(s[i+2:min(i+6, len(s))], 16, 16)
			if err != nil || len(s) < i+6 || !utf8.ValidRune(rune(code)) {
				return "", fmt.Errorf(`\u is followed by four hexadecimal digits`)
			}
			b.WriteRune(rune(code))
			i += 5
		default:
			i++
			if r, ok := escapes[s[i]]; ok {
				b.WriteRune(r)
			} else {
				b.WriteByte(s[i])
			}
		}
	}
	return b.String(), nil
}
