package lint

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
)

const (
	longestFile     = 500 // lines
	longestFunction = 70  // lines
	longestLine     = 120 // characters; a tab is one
)

func TestFilesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		assert.LessOrEqual(t, strings.Count(s.text, "\n"), longestFile, "%s is too long", s.path)
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for _, s := range sources(t) {
		for _, d := range s.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				lines := s.fset.Position(fn.End()).Line - s.position(fn).Line + 1
				assert.LessOrEqual(t, lines, longestFunction, "%s: %s is too long", s.path, fn.Name.Name)
			}
		}
	}
}

var url = regexp.MustCompile(`https?://\S+`)

func TestLinesAreShort(t *testing.T) {
	for _, s := range sources(t) {
		if !ast.IsGenerated(s.tree) {
			assert.Empty(t, tooLong(s), s.path)
		}
	}
}

func tooLong(s source) (lines []string) {
	for line := range strings.Lines(s.text) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > longestLine && !url.MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}
