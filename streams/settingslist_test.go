package streams

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/settings"
)

// TestSettingsAreListed: docs/configuration.md has each setting that is read, and its tables have no other.
func TestSettingsAreListed(t *testing.T) {
	content, err := os.ReadFile("../docs/configuration.md")
	require.NoError(t, err)
	page := string(content)
	values, err := settings.Properties(strings.NewReader(""))
	require.NoError(t, err)
	_, err = configOf(values)
	require.NoError(t, err)
	known := values.Names()
	require.NotEmpty(t, known)
	for _, name := range known {
		if noCounterpart[name] == "" {
			require.Contains(t, page, "`"+name+"`", "the page does not tell of a setting")
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\|").FindAllStringSubmatch(page, -1)
	require.NotEmpty(t, rows)
	for _, row := range rows {
		require.True(t, slices.Contains(known, row[1]), "%s is in a table, and is no setting", row[1])
	}
}
