package lint

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// unwanted is what no file says, by reason. The words are put together here, or this file would say them.
var unwanted = map[string]*regexp.Regexp{
	"a path of one machine":      words(`(^|[^\w.])/(work|root|home)/`, `/tmp/`+`bash`, `\.\./`+`shared\b`),
	"unfinished work":            words(`\bTO`+`DO\b`, `\bFIX`+`ME\b`, `\bX`+`XX\b`),
	"a local module replacement": words(`^` + `replace .*=> [./]`),
}

func words(patterns ...string) *regexp.Regexp { return regexp.MustCompile(strings.Join(patterns, "|")) }

func TestNoUnwantedText(t *testing.T) {
	for _, f := range files(t) {
		line := 0
		for text := range strings.Lines(f.text) {
			line++
			for what, pattern := range unwanted {
				assert.False(t, pattern.MatchString(text), "%s:%d holds %s: %.100s", f.path, line, what, text)
			}
		}
	}
}
