package settings

import (
	"errors"
	"fmt"
	"strings"
)

// Environment reads the variables that begin with a prefix, as in PREFIX_COMMIT_INTERVAL_MS for commit.interval.ms.
// variables are name=value, as os.Environ gives them.
func Environment(prefix string, variables []string) (*Values, error) {
	if prefix == "" {
		return nil, errors.New("the prefix of the variables is empty: every variable of the process would be a setting")
	}
	dots, underscores := strings.NewReplacer("_", "."), strings.NewReplacer(".", "_")
	v := newValues(func(name string) string { return prefix + strings.ToUpper(underscores.Replace(name)) })
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, prefix)
		if ours && strings.HasPrefix(rest, "_") && !strings.HasSuffix(prefix, "_") {
			return nil, fmt.Errorf("the prefix of the variables is %q, without the underscore of %s: make it %q",
				prefix, name, prefix+"_")
		}
		if ours {
			v.given[strings.ToLower(dots.Replace(rest))] = value
		}
	}
	return v, nil
}
