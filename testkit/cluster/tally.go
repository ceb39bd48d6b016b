package cluster

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tally counts what was met, by name.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) add(name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[name]++
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.counts)) {
		out = append(out, fmt.Sprintf("%s %d", name, t.counts[name]))
	}
	return strings.Join(out, ", ")
}
