package conformance

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/testkit"
)

// Run gives the library's answers to a scenario.
func (s *Scenario) Run() (answer *Answer, err error) {
	b, topo, err := s.build(surroundings{})
	if err != nil {
		return nil, err
	}
	d, err := testkit.NewDriver(topo)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	outputs := map[string]*testkit.OutputTopic[string, string]{}
	for name, t := range b.outputs {
		outputs[name] = testkit.Output(d, t)
	}
	answer = &Answer{Stores: Stores{}}
	for i, step := range s.Steps {
		b.step(d, step)
		if d.Err() != nil {
			return nil, fmt.Errorf("step %d: %w", i+1, d.Err())
		}
		answer.Steps = append(answer.Steps, s.read(outputs))
	}
	for _, n := range d.Dropped() {
		answer.Dropped += n
	}
	for name, show := range b.stores {
		answer.Stores[name] = show(rows{d})
	}
	return answer, d.Err()
}

func (b *build) step(d *testkit.Driver, step Step) {
	if step.AdvanceMs != nil {
		d.AdvanceWallClock(ms(*step.AdvanceMs))
		return
	}
	p := step.Pipe
	t, ok := b.inputs[p.Topic]
	if !ok {
		return // nothing reads the topic
	}
	r := of(p.Key, p.Value)
	r.Timestamp = p.TS
	for _, h := range p.Headers {
		r.Headers = append(r.Headers, streams.Header{Key: h[0], Value: []byte(h[1])})
	}
	testkit.Input(d, t).PipeRecord(r)
}

// read is what arrived in the output topics, by topic.
func (s *Scenario) read(outputs map[string]*testkit.OutputTopic[string, string]) []Result {
	results := []Result{}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		for _, r := range outputs[name].Read() {
			result := Result{Topic: name, Key: key(r), Value: value(r), TS: r.Timestamp}
			if s.Headers {
				headers := [][2]string{}
				for _, h := range r.Headers {
					headers = append(headers, [2]string{h.Key, string(h.Value)})
				}
				result.Headers = &headers
			}
			results = append(results, result)
		}
	}
	return results
}

// rows reads the stores at the end of a run.
type rows struct{ d *testkit.Driver }

func (r rows) of(s state.KeyValue[string, string]) []Row {
	return sorted(testkit.Rows(r.d, s), same)
}

func (r rows) ofCounts(s state.KeyValue[string, int64]) []Row {
	return sorted(testkit.Rows(r.d, s), decimal)
}

func sorted[V any](in []state.Row[string, V], show func(V) string) []Row {
	out := []Row{}
	for _, row := range in {
		out = append(out, Row{Key: row.Key, Value: show(row.Value), TS: row.Timestamp})
	}
	return byKey(out)
}
