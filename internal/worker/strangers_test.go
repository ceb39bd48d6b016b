package worker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestStrangers are neither members of another version nor those that read the same as one of these.
func TestStrangers(t *testing.T) {
	reads := func(topics ...string) memberData {
		m := memberData{}
		for _, topic := range topics {
			m.parts = append(m.parts, part{topics: []string{topic}})
		}
		return m
	}
	own := reads("a", "b").parts
	for name, c := range map[string]struct {
		members []memberData
		want    []string
	}{
		"alone":              {[]memberData{reads("a", "b")}, nil},
		"another version":    {[]memberData{reads("b", "c"), reads("a", "b")}, nil},
		"the one after that": {[]memberData{reads("c", "d"), reads("b", "c"), reads("a", "b")}, nil},
		"by a pattern":       {[]memberData{{userData: userData{parts: []part{{pattern: true}}}}}, nil},
		"of a newer format":  {[]memberData{{}}, nil},
		"others":             {[]memberData{reads("a", "b"), reads("y"), reads("x", "y")}, []string{"x", "y"}},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.want, strangers(c.members, own)) })
	}
}
