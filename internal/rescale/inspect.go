package rescale

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/topology"
)

// inspect makes the plan, and changes nothing.
func (j *job) inspect(ctx context.Context) error {
	if err := errors.Join(j.checkNames(), j.nobody(ctx)); err != nil {
		return err
	}
	committed, err := j.committed(ctx)
	if err != nil {
		return err
	}
	j.plan = &Plan{
		App: j.Lock.App, Began: after(committed), Phase: Planned, Offsets: committed,
		Mappings: slices.Sorted(maps.Keys(j.Mappings)),
	}
	l, err := j.layout(ctx)
	if err != nil {
		return err
	}
	if !j.plan.changes() {
		return declined("the inputs of %s have that many partitions, and its state fits them: there is nothing to do",
			j.Lock.App)
	}
	if err := j.planTopics(ctx, l); err != nil {
		return err
	}
	if err := j.processed(ctx); err != nil {
		return err
	}
	return j.checkRows(ctx)
}

// layout finds the inputs, what they have and what they are to have, and what follows for the internal topics.
func (j *job) layout(ctx context.Context) (l layout, err error) {
	l = layout{from: map[string]int32{}, to: map[string]int32{}}
	inputs := j.inputs()
	var names []string
	for _, s := range j.Lock.Stores {
		if s.Changelog != "" {
			names = append(names, s.Changelog)
		}
	}
	for _, r := range j.Lock.Repartitions {
		names = append(names, r.Name)
	}
	found, err := partitionsOf(ctx, j.admin, append(names, inputs...)...)
	if err != nil {
		return l, err
	}
	for _, name := range append(names, inputs...) {
		t, ok := found[name]
		if !ok {
			return l, declined("topic %s does not exist: has the application run, and is the lock file that of what has run?",
				name)
		}
		l.from[name], l.to[name] = int32(len(t.Partitions)), int32(len(t.Partitions))
	}
	for _, topic := range inputs {
		if err := j.planInput(topic, &l); err != nil {
			return l, err
		}
	}
	for topic := range j.Inputs {
		if !slices.Contains(inputs, topic) {
			return l, declined("%s is no input of %s: those are %v", topic, j.Lock.App, inputs)
		}
	}
	if j.Topology != nil {
		return l, j.follows(&l)
	}
	return l, j.guessed(&l, inputs)
}

// inputs are the topics of others that the group has offsets in, or that stores are made of. Those of global tables are
// not among them.
func (j *job) inputs() (out []string) {
	for _, s := range j.Lock.Sources {
		read := slices.ContainsFunc(j.plan.Offsets, func(o Offset) bool { return o.Topic == s.Name })
		if read || len(j.storesOf(s.Name)) > 0 {
			out = append(out, s.Name)
		}
	}
	return out
}

// storesOf are the stores that records of a topic reach.
func (j *job) storesOf(topic string) (out []topology.StoreLock) {
	for _, s := range j.Lock.Stores {
		if s.Changelog != "" && slices.Contains(s.Inputs, topic) {
			out = append(out, s)
		}
	}
	return out
}

// planInput enters an input. One that has grown already has the partitions of before in its stores, or where it is
// committed.
func (j *job) planInput(topic string, l *layout) error {
	in := Input{Topic: topic, Has: l.from[topic], To: l.from[topic]}
	for _, o := range j.plan.Offsets {
		if o.Topic == topic {
			in.From = max(in.From, o.Partition+1)
		}
	}
	for _, s := range j.storesOf(topic) {
		in.From = min(in.Has, l.from[s.Changelog])
	}
	if j.Partitions > 0 {
		in.To = j.Partitions
	}
	if n, ok := j.Inputs[topic]; ok {
		in.To = n
	}
	if in.To < in.Has {
		return declined("%s has %d partitions: Kafka cannot make %d of them", topic, in.Has, in.To)
	}
	l.from[topic], l.to[topic] = in.From, in.To
	j.plan.Inputs = append(j.plan.Inputs, in)
	return nil
}

// follows works out the internal topics from the topology.
func (j *job) follows(l *layout) error {
	external := map[string]int32{}
	sources, _ := j.Topology.ExternalTopics()
	for _, name := range sources {
		external[name] = max(l.to[name], 1) // those of global tables do not matter
	}
	counts, err := j.Topology.Partitions(external)
	if err != nil {
		return &DeclinedError{err.Error()}
	}
	for _, r := range j.Lock.Repartitions {
		l.to[r.Name] = counts.Topics[r.Name]
	}
	for _, s := range j.Lock.Stores {
		if s.Changelog != "" {
			l.to[s.Changelog] = counts.Tasks[s.SubTopology]
		}
	}
	for name := range l.to {
		if l.to[name] < l.from[name] {
			return declined("topic %s has %d partitions, and would have %d", name, l.from[name], l.to[name])
		}
	}
	return nil
}

// guessed works the internal topics out from a lock file, which does not tell who writes to which: where all inputs are
// alike, so are they, but for those whose number is declared.
func (j *job) guessed(l *layout, inputs []string) error {
	for _, topic := range inputs {
		if l.from[topic] != l.from[inputs[0]] || l.to[topic] != l.to[inputs[0]] {
			return declined("the inputs have, or would have, different numbers of partitions (%s %d to %d, %s %d to %d): "+
				"a lock file does not tell what follows from that: use package streams/rescale, with the topology",
				inputs[0], l.from[inputs[0]], l.to[inputs[0]], topic, l.from[topic], l.to[topic])
		}
	}
	from, to := l.from[inputs[0]], l.to[inputs[0]]
	fixed := map[string]bool{}
	for _, r := range j.Lock.Repartitions {
		if r.Partitions == from && from != to && slices.ContainsFunc(j.Lock.Repartitions, follows) {
			return declined("repartition topic %s has %d partitions by its declaration, as many as the inputs: a lock file "+
				"does not tell which of the others follow it: use package streams/rescale, with the topology", r.Name, from)
		}
	}
	for _, r := range j.Lock.Repartitions {
		if fixed[r.Name] = r.Partitions > 0; !fixed[r.Name] && l.from[r.Name] == from {
			l.to[r.Name] = to
		}
	}
	for _, s := range j.Lock.Stores {
		own := len(s.Inputs) > 0 && !slices.ContainsFunc(s.Inputs, func(t string) bool { return !fixed[t] })
		if s.Changelog != "" && !own && l.from[s.Changelog] == from {
			l.to[s.Changelog] = to
		}
	}
	return nil
}

// follows is true for a repartition topic with as many partitions as what is written to it comes from.
func follows(r topology.RepartitionLock) bool { return r.Partitions == 0 }

// planTopics enters the internal topics that get another layout.
func (j *job) planTopics(ctx context.Context, l layout) error {
	for _, name := range slices.Sorted(maps.Keys(l.from)) {
		if j.plan.input(name) != nil || l.from[name] == l.to[name] && !j.answersMove(name, l) {
			continue
		}
		t := Topic{Name: name, From: l.from[name], To: l.to[name], Saved: name + "-rescale"}
		if len(t.Saved) > longestName {
			return declined("the copy of %s would have a name of %d characters, and Kafka allows %d", name, len(t.Saved),
				longestName)
		}
		if s := storeOf(j.Lock, name); s != nil {
			t.Store = s.Name
		}
		if r := j.repartition(name); r != nil && r.Partitioner && j.mappingOf(name) == nil {
			return declined("repartition topic %s is split by a function: use package streams/rescale, and give a Mapping "+
				"for it", name)
		}
		found, err := partitionsOf(ctx, j.admin, name)
		if err != nil {
			return err
		}
		t.Copies = int16(found[name].Partitions.NumReplicas())
		if t.Configs, err = configsOf(ctx, j.admin, name); err != nil {
			return err
		}
		j.plan.Topics = append(j.plan.Topics, t)
	}
	return nil
}

// answersMove is true for a topic of subscriptions whose answers go to a topic that gets another layout: they tell the
// partition of that.
func (j *job) answersMove(name string, l layout) bool {
	to := j.placing(&Topic{Name: name}).answersTo
	return to != "" && l.from[to] != l.to[to]
}

// longestName is Kafka's limit for names of topics.
const longestName = 249

func (j *job) repartition(name string) *topology.RepartitionLock {
	for i := range j.Lock.Repartitions {
		if j.Lock.Repartitions[i].Name == name {
			return &j.Lock.Repartitions[i]
		}
	}
	return nil
}

// processed is an error unless every record of an input that is not processed lies where the new layout has it.
func (j *job) processed(ctx context.Context) error {
	for i := range j.plan.Inputs {
		in := &j.plan.Inputs[i]
		at, err := ends(ctx, j.admin, j.Wait, in.Topic)
		if err != nil {
			return err
		}
		spans := at[in.Topic]
		in.Ends = make([]int64, len(spans))
		for p, s := range spans {
			in.Ends[p] = s.to
		}
		if in.From == in.To {
			continue
		}
		misplaced, err := j.misplaced(ctx, *in, spans)
		if err != nil {
			return err
		}
		if misplaced > 0 {
			return declined("%s has %d records that are not processed and would be looked for in other partitions: stop the "+
				"producers, start the application, wait until it has no lag (millstream lag %s), and stop it", in.Topic, misplaced,
				j.Lock.App)
		}
	}
	return nil
}

// misplaced counts the records behind the committed offsets that do not lie where so many partitions put their keys.
func (j *job) misplaced(ctx context.Context, in Input, spans map[int32]span) (n int64, err error) {
	left := map[int32]span{}
	for p, s := range spans {
		left[p] = s
	}
	for _, o := range j.plan.Offsets {
		if o.Topic == in.Topic {
			left[o.Partition] = span{max(o.At, spans[o.Partition].from), spans[o.Partition].to}
		}
	}
	key := ""
	for _, s := range j.Lock.Sources {
		if s.Name == in.Topic {
			key = s.Key
		}
	}
	place := placingOfRecords(j.Lock.App, in.Topic, key, "", nil)
	err = j.Connect.scan(ctx, in.Topic, left, func(r *kgo.Record) error {
		at, err := place.partition(rowOf(r), in.To)
		if at != r.Partition {
			n++
		}
		return err
	})
	return n, err
}

// checkRows looks whether every row lies where its key says, in the layout that there is.
func (j *job) checkRows(ctx context.Context) error {
	for i := range j.plan.Topics {
		t := &j.plan.Topics[i]
		place := j.placing(t)
		e := evidence{place: place, from: t.From, keys: map[string]bool{}}
		if answers := j.plan.topic(place.answersTo); answers != nil {
			e.answers = answers.From
		}
		err := j.rows(ctx, t, func(r row) error {
			r, err := e.take(r)
			if err == nil {
				t.Rows.add(r)
			}
			return err
		})
		if err != nil {
			return err
		}
		if t.Store != "" && !slices.Contains(j.ByKey, t.Store) {
			if err := e.enough(t.Store); err != nil {
				return err
			}
		}
	}
	return j.checkTimes()
}

// placing is where the rows of a topic belong.
func (j *job) placing(t *Topic) placing {
	if s := storeOf(j.Lock, t.Name); s != nil {
		p := placingOf(j.Lock.App, *s, j.mappingOf(s.Name))
		p.known = p.known || j.declaredByKey(s.Name)
		return p
	}
	r := j.repartition(t.Name)
	return placingOfRecords(j.Lock.App, t.Name, r.Key, r.Value, j.mappingOf(t.Name))
}

// declaredByKey is true for a store that only steps of the library keep which use the keys of records.
func (j *job) declaredByKey(store string) bool {
	if j.Topology == nil {
		return false
	}
	known := true
	for _, sub := range j.Topology.Subs() {
		for _, n := range sub.Nodes {
			for _, s := range n.Stores {
				known = known && (s.Name() != store || !n.KeepsOwnKeys())
			}
		}
	}
	return known
}

// evidence is what the places of a store's rows tell.
type evidence struct {
	place   placing
	from    int32
	answers int32 // partitions of the topic that answers to subscriptions go to; 0: not known
	keys    map[string]bool
	rows    int
}

// mostKeys is how many keys are enough to believe that it is no chance where they lie.
const mostKeys = 64

func (e *evidence) take(r row) (row, error) {
	at, err := e.place.partition(r, e.from)
	if err != nil {
		return r, declined("topic %s, a row of partition %d: %v", e.place.topic, r.partition, err)
	}
	if at != r.partition {
		return r, declined("topic %s has a row in partition %d that the hash of its key puts into %d: its rows have keys of "+
			"their own, or their topic a partitioner of its own: use package streams/rescale, and give a Mapping for it",
			e.place.topic, r.partition, at)
	}
	e.rows++
	if e.place.mapping == nil && len(e.keys) < mostKeys {
		if key, err := e.place.key(r); err == nil {
			e.keys[string(key)] = true
		}
	}
	if e.place.answersTo == "" || r.value == nil {
		return e.place.canonical(r)
	}
	if s, err := wire.SubscriptionSerde.Decode(r.value); err == nil && s.PrimaryPartition != wire.UnknownPartition &&
		e.answers > 0 && s.PrimaryPartition != cluster.PartitionOf(s.PrimaryKey, e.answers) {
		return r, declined("topic %s: the left table of the foreign-key join does not lie by the hash of its keys: that "+
			"cannot be changed", e.place.topic)
	}
	return e.place.canonical(r)
}

// enough is an error if the places of a few rows may be chance.
func (e *evidence) enough(store string) error {
	if e.place.known || e.place.mapping != nil || e.rows == 0 {
		return nil
	}
	chance := 1.0
	for range e.keys {
		chance /= float64(e.from)
	}
	if chance < 1e-3 {
		return nil
	}
	return declined("store %s has too few rows to tell whether they lie by the hash of the records' keys: say so "+
		"(--by-key %s), if it holds rows by the key of the records; a processor may keep others", store, store)
}
