package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocsAreScripts: the command lines of the page on the command are lines of a script that runs.
func TestDocsAreScripts(t *testing.T) {
	page, err := os.ReadFile("../../docs/command.md")
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range scripts(t) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	found := 0
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "millstream ") {
			found++
			require.Contains(t, all.String(), "\n"+line)
		}
	}
	require.Positive(t, found)
}
