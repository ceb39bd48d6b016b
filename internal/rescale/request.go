package rescale

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/topology"
)

// Request is what is asked for.
type Request struct {
	Lock topology.Lock
	// Topology is the application's, where it is at hand: inputs may then have different numbers of partitions.
	Topology *graph.Topology
	// Partitions is the new number of all inputs, or Inputs those of some.
	Partitions int32
	Inputs     map[string]int32
	// ByKey are stores of processors whose rows have the keys of their records, which cannot be told from their few
	// rows.
	ByKey []string
	// Mappings place the rows of stores and the records of repartition topics that do not lie by the hash of their
	// keys.
	Mappings map[string]Mapping

	Execute bool
	Undo    bool
	WorkDir string // for the rows of one store at a time; empty: that of the system for temporary files
	Wait    time.Duration
	Connect Connect
	Say     func(format string, args ...any)             // what is being done
	At      func(ctx context.Context, step string) error // after each step; for tests, which break it off
}

// job is a request under way.
type job struct {
	Request
	client  *kgo.Client
	admin   *kadm.Client
	journal journal
	plan    *Plan
	resumed bool // the plan is one that was begun before
	// The group has the offsets with which the application goes on, and may have more: they are not committed again.
	released bool
}

// Run plans and, with Execute, carries out, goes on with or undoes a change of partitions. It gives the plan as far as
// it has come, also beside an error, nil where there is none.
func Run(ctx context.Context, r Request) (*Plan, error) {
	j, end, err := open(r)
	if err != nil {
		return nil, err
	}
	defer end()
	if !r.Execute {
		err = j.find(ctx)
		return j.plan, err
	}
	err = j.alone(ctx, func(ctx context.Context) error {
		if err := j.find(ctx); err != nil {
			return err
		}
		if r.Undo {
			return j.undo(ctx)
		}
		return j.work(ctx)
	})
	return j.plan, err
}

// open connects for a request.
func open(r Request) (*job, func(), error) {
	client, err := r.Connect(kgo.MetadataMinAge(20 * time.Millisecond)) // topics come and go
	if err != nil {
		return nil, nil, err
	}
	j := &job{Request: r, client: client, admin: kadm.NewClient(client)}
	if j.Say == nil {
		j.Say = func(string, ...any) {}
	}
	if j.At == nil {
		j.At = func(context.Context, string) error { return nil }
	}
	if j.Wait == 0 {
		j.Wait = time.Minute
	}
	j.journal = journal{connect: r.Connect, admin: j.admin, topic: journalOf(r.Lock.App)}
	return j, client.Close, nil
}

// find finds the plan: that of a change that is under way, or a new one.
func (j *job) find(ctx context.Context) (err error) {
	if j.plan, err = j.journal.read(ctx); err != nil {
		return err
	}
	if err := j.resume(ctx); err != nil {
		return err
	}
	switch {
	case j.plan == nil && j.Undo:
		return declined("no change of partitions of %s is under way: there is nothing to undo", j.Lock.App)
	case j.plan == nil:
		return j.inspect(ctx)
	}
	return nil
}

// nobody is an error if the application runs.
func (j *job) nobody(ctx context.Context) error {
	groups, err := j.admin.DescribeGroups(ctx, j.Lock.App)
	if err != nil {
		return fmt.Errorf("group %s: %w", j.Lock.App, err)
	}
	group := groups[j.Lock.App]
	if group.Err != nil && !errors.Is(group.Err, kerr.GroupIDNotFound) {
		return fmt.Errorf("group %s: %w", j.Lock.App, group.Err)
	}
	if len(group.Members) == 0 {
		return nil
	}
	var names []string
	for _, m := range group.Members {
		name := m.MemberID
		if m.InstanceID != nil {
			name = *m.InstanceID
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return declined("the group has members: stop all instances of %s, and wait until its SessionTimeout is over if one "+
		"was killed: %s", j.Lock.App, strings.Join(names, ", "))
}

// layout is how many partitions each topic has, and is to have.
type layout struct {
	from, to map[string]int32
}

// mappingOf is the mapping of a store or of a topic.
func (j *job) mappingOf(names ...string) Mapping {
	for _, n := range names {
		if m := j.Mappings[n]; m != nil {
			return m
		}
	}
	return nil
}

// known are the names that mappings and ByKey may have.
func (j *job) checkNames() error {
	known := map[string]bool{}
	for _, s := range j.Lock.Stores {
		known[s.Name] = true
	}
	for _, r := range j.Lock.Repartitions {
		known[r.Name] = true
	}
	for _, name := range slices.Concat(j.ByKey, slices.Sorted(maps.Keys(j.Mappings))) {
		if !known[name] {
			return declined("%s has no store and no repartition topic %s", j.Lock.App, name)
		}
	}
	for _, s := range j.Lock.Stores {
		if s.Changelog == "" && !s.InMemory {
			return declined("store %s has no changelog: its rows are in state directories only, and cannot be taken along",
				s.Name)
		}
	}
	for _, s := range j.Lock.Sources {
		if strings.HasPrefix(s.Name, "any of ") {
			return declined("%s reads the topics of a pattern (%s): their number of partitions cannot be changed with state",
				j.Lock.App, s.Name)
		}
	}
	return nil
}
