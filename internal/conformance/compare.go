package conformance

import (
	"cmp"
	"fmt"
	"slices"
)

// Answer is what a run of a scenario gave.
type Answer struct {
	Steps   [][]Result
	Dropped int64
	Stores  Stores
}

// Expected are the answers that a scenario holds.
func (s *Scenario) Expected() *Answer {
	a := &Answer{Stores: s.Stores}
	for _, step := range s.Steps {
		a.Steps = append(a.Steps, step.Expect)
	}
	if s.Dropped != nil {
		a.Dropped = *s.Dropped
	}
	return a
}

// Compare says where an answer differs from the scenario's; nil if it does not.
func (s *Scenario) Compare(got *Answer) error {
	want, have := s.normalise(s.Expected().Steps), s.normalise(got.Steps)
	for i := range want {
		if err := s.compareStep(want[i], have[i]); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	if s.Dropped != nil && *s.Dropped != got.Dropped {
		return fmt.Errorf("dropped: want %d, got %d", *s.Dropped, got.Dropped)
	}
	for name, rows := range s.Stores {
		if !slices.Equal(rows, got.Stores[name]) {
			return fmt.Errorf("store %s: want %v, got %v", name, rows, got.Stores[name])
		}
	}
	return nil
}

// row is what makes results of the same table row.
type row struct{ topic, key string }

func (r Result) row() row { return row{r.Topic, word(r.Key)} }

// normalise takes needless deletes out of the topics that carry tables, and what is said twice where that is known.
func (s *Scenario) normalise(steps [][]Result) [][]Result {
	live := map[row]bool{}
	out := make([][]Result, len(steps))
	for i, results := range steps {
		said := map[string]bool{}
		for _, r := range s.withoutDoubleDeletes(results) {
			if slices.Contains(s.Once, r.Topic) {
				line := r.Topic + Quoted(r.Key) + s.line(r)
				if said[line] {
					continue
				}
				said[line] = true
			}
			if slices.Contains(s.Tables, r.Topic) {
				if r.Value == nil && !live[r.row()] {
					continue
				}
				live[r.row()] = r.Value != nil
			}
			out[i] = append(out[i], r)
		}
	}
	return out
}

// withoutDoubleDeletes takes out the deletes that a value of the same row follows within the step.
func (s *Scenario) withoutDoubleDeletes(results []Result) []Result {
	next := map[row]bool{} // the next remaining record of the row is a value
	var out []Result
	for _, r := range slices.Backward(results) {
		if slices.Contains(s.Tables, r.Topic) {
			if r.Value == nil && next[r.row()] {
				continue
			}
			next[r.row()] = r.Value != nil
		}
		out = append(out, r)
	}
	slices.Reverse(out)
	return out
}

func (s *Scenario) compareStep(want, have []Result) error {
	w, h := s.lists(want), s.lists(have)
	for key := range h {
		if _, ok := w[key]; !ok {
			w[key] = nil
		}
	}
	keys := make([]row, 0, len(w))
	for key := range w {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b row) int { return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.key, b.key)) })
	for _, key := range keys {
		if !slices.Equal(w[key], h[key]) {
			return fmt.Errorf("topic %s key %s: want %v, got %v", key.topic, key.key, w[key], h[key])
		}
	}
	return nil
}

// lists are the records whose order counts together, as text: of a topic if the scenario is ordered, else of a key.
func (s *Scenario) lists(results []Result) map[row][]string {
	out := map[row][]string{}
	for _, r := range results {
		key := row{topic: r.Topic}
		if !s.Ordered {
			key = row{r.Topic, Quoted(r.Key)}
		}
		out[key] = append(out[key], s.line(r))
	}
	return out
}

func (s *Scenario) line(r Result) string {
	line := fmt.Sprintf("(%s %s @%d)", Quoted(r.Key), Quoted(r.Value), r.TS)
	if s.Headers && r.Headers != nil {
		line += fmt.Sprintf("%q", *r.Headers)
	}
	return line
}

// Quoted tells null from the text "null".
func Quoted(s *string) string {
	if s == nil {
		return "null"
	}
	return fmt.Sprintf("%q", *s)
}
