package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// resetCmd sets an application back, as Kafka Streams' application reset tool does (KIP-171): its internal topics are
// deleted, and its inputs are read again from a place.
type resetCmd struct {
	App string `arg:"" help:"Application id."`

	To resetPlace `embed:""`

	Topics   []string `help:"Only these inputs are read anew; by default all that the group has an offset in."`
	Lock     string   `type:"existingfile" help:"Lock file: only the internal topics that it names are deleted."`
	Keep     []string `help:"Internal topics that are not deleted."`
	Force    bool     `help:"Remove workers that the group still waits for, as after a crash. None may be running."`
	StateDir string   `type:"existingdir" help:"Config.StateDir here: the application's part of it is removed."`
	Execute  bool     `help:"Do it. Without it the command prints what it would do."`
}

// resetPlace is where inputs are read from.
type resetPlace struct {
	ToEarliest bool          `xor:"place" help:"From the start of the inputs: the default."`
	ToLatest   bool          `xor:"place" help:"From the end of the inputs."`
	ToOffset   *int64        `xor:"place" help:"From an offset."`
	ToDatetime *time.Time    `xor:"place" help:"From the first record of a time: 2026-01-31T15:00:00Z."`
	ByDuration time.Duration `xor:"place" help:"From the first record that is not older: 36h."`
	ShiftBy    *int64        `xor:"place" help:"From so many records further on, or back if negative."`
	FromFile   string        `xor:"place" type:"existingfile" help:"From a CSV file: topic,partition,offset."`
}

// move is what happens to the offset of a partition.
type move struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	From      int64  `json:"from"`
	To        int64  `json:"to"`
}

func (m move) columns() []any { return []any{m.Topic, m.Partition, m.From, m.To} }

// plan is what a reset does.
type plan struct {
	Delete []string `json:"delete"`           // internal topics
	Forget []string `json:"forget,omitempty"` // topics whose offsets are removed: those that are deleted
	Moves  []move   `json:"moves"`
	Leave  []string `json:"leave,omitempty"` // members that are removed
	State  string   `json:"state,omitempty"` // directory that is removed
	Done   bool     `json:"done"`
}

// Run plans, prints the plan and, if told to, executes it.
func (c *resetCmd) Run(ctx context.Context, cl *cluster, p *printer) error {
	ctx, admin, end, err := cl.admin(ctx)
	if err != nil {
		return err
	}
	defer end()
	do, err := c.plan(ctx, admin)
	if err != nil {
		return err
	}
	if c.Execute {
		if err := c.execute(ctx, admin, do); err != nil {
			return fmt.Errorf("%w: nothing is lost; %s", err, c.again(do))
		}
		do.Done = true
	}
	return c.print(p, do)
}

// again tells how to go on after a failure. Offsets that were shifted must not be shifted once more: the answer of the
// broker may be what got lost.
func (c *resetCmd) again(do *plan) string {
	if c.To.ShiftBy == nil {
		return "run the command again to go on"
	}
	var lines strings.Builder
	for _, m := range do.Moves {
		fmt.Fprintf(&lines, "\n%s,%d,%d", m.Topic, m.Partition, m.To)
	}
	return "offsets may have been shifted already: run the command again with --from-file in place of --shift-by, and " +
		"these lines in the file:" + lines.String()
}

func (c *resetCmd) print(p *printer, do *plan) error {
	if p.json {
		return p.value(do)
	}
	for _, m := range do.Leave {
		p.line("remove member %s", m)
	}
	for _, t := range do.Delete {
		p.line("delete topic %s", t)
	}
	if do.State != "" {
		p.line("remove directory %s", do.State)
	}
	if err := table(p, "TOPIC\tPARTITION\tFROM\tTO", do.Moves); err != nil {
		return err
	}
	if slices.ContainsFunc(do.Moves, func(m move) bool { return m.To > 0 }) {
		p.line("the first start after it needs Config.AllowNewStores, as it goes on from offsets above 0 without state")
	}
	if !do.Done {
		p.line("nothing was changed: --execute does it")
		return nil
	}
	p.line("done. Remove the application's state directories on all machines before it is started: it refuses state " +
		"whose changelogs are gone")
	return nil
}

// plan looks at the cluster, and changes nothing.
func (c *resetCmd) plan(ctx context.Context, admin *kadm.Client) (*plan, error) {
	do := &plan{Delete: []string{}, Moves: []move{}}
	group, err := describe(ctx, admin, c.App)
	if err != nil {
		return nil, err
	}
	for _, m := range group.Members {
		do.Leave = append(do.Leave, memberOf(m).Name)
	}
	if len(do.Leave) > 0 && !c.Force {
		return nil, &declinedError{fmt.Sprintf("the group has members: stop all instances of the application, and wait "+
			"until its SessionTimeout is over, or remove what is left of them with --force: %s", strings.Join(do.Leave, ", "))}
	}
	internal, err := internalTopics(ctx, admin, c.App)
	if err != nil {
		return nil, err
	}
	if c.Lock != "" {
		lock, err := readLock(c.Lock)
		if err != nil {
			return nil, err
		}
		internal = slices.DeleteFunc(internal, func(t internalTopic) bool { return wanted(lock)[t.Topic] == "" })
	}
	committed, err := committedBy(ctx, admin, c.App)
	if err != nil {
		return nil, err
	}
	if err := c.checkOthers(internal); err != nil {
		return nil, err
	}
	for _, t := range internal {
		if !slices.Contains(c.Keep, t.Topic) && !c.isInput(t.Topic, committed) {
			do.Delete = append(do.Delete, t.Topic)
		}
	}
	if c.StateDir != "" {
		if c.App == "." || !filepath.IsLocal(c.App) || filepath.Base(c.App) != c.App {
			return nil, &declinedError{fmt.Sprintf("%q is no application id: it has no directory in %s", c.App, c.StateDir)}
		}
		do.State = filepath.Join(c.StateDir, c.App)
	}
	return do, c.planMoves(ctx, admin, committed, do)
}

// checkOthers declines where a topic has the name of one of this application's behind a further word, as those of
// an application whose id begins with this one's have. Nobody knows its group, so nothing else tells.
func (c *resetCmd) checkOthers(internal []internalTopic) error {
	if c.Lock != "" {
		return nil
	}
	for _, t := range internal {
		own, _ := strings.CutPrefix(t.Topic, c.App+"-")
		for _, other := range internal {
			rest, _ := strings.CutPrefix(other.Topic, c.App+"-")
			word, behind := strings.CutSuffix(rest, "-"+own)
			if behind && !slices.Contains(c.Keep, other.Topic) {
				return &declinedError{fmt.Sprintf("topic %s may be this application's, or that of %s-%s, whose group the cluster "+
					"does not know: --lock with the lock file of %s says which topics are its own, --keep leaves a topic alone",
					other.Topic, c.App, word, c.App)}
			}
		}
	}
	return nil
}

// isInput is true for a topic that has the name of an internal one and is none: groups have no offsets of changelogs.
func (c *resetCmd) isInput(topic string, committed kadm.OffsetResponses) bool {
	_, read := committed[topic]
	return slices.Contains(c.Topics, topic) || read && kindOf(c.App, topic) != "repartition"
}

func (c *resetCmd) planMoves(
	ctx context.Context, admin *kadm.Client, committed kadm.OffsetResponses, do *plan,
) error {
	known := committed.Offsets().TopicsSet().Topics()
	inputs := slices.DeleteFunc(slices.Clone(known), func(t string) bool { return !c.isInput(t, committed) })
	for _, t := range known {
		if slices.Contains(do.Delete, t) || kindOf(c.App, t) == "repartition" && !slices.Contains(c.Keep, t) {
			do.Forget = append(do.Forget, t)
		}
	}
	if len(c.Topics) > 0 {
		inputs = c.Topics
	}
	if len(inputs) == 0 {
		if len(do.Delete) == 0 {
			return fmt.Errorf("%s has no committed offsets and no internal topics: is it the application id?", c.App)
		}
		return nil
	}
	places, err := c.To.find(ctx, admin, inputs, committed)
	if err != nil {
		return err
	}
	for _, topic := range slices.Sorted(maps.Keys(places)) {
		for _, partition := range slices.Sorted(maps.Keys(places[topic])) {
			m := move{Topic: topic, Partition: partition, From: -1, To: places[topic][partition]}
			if o, ok := committed.Lookup(topic, partition); ok {
				m.From = o.At
			}
			do.Moves = append(do.Moves, m)
		}
	}
	return nil
}

// execute does what was planned. Offsets come last: an application that is started in between finds its changelogs gone
// and stops, instead of counting what it had counted.
func (c *resetCmd) execute(ctx context.Context, admin *kadm.Client, do *plan) error {
	if len(do.Leave) > 0 {
		if err := removeMembers(ctx, admin, c.App); err != nil {
			return err
		}
	}
	if do.State != "" {
		if err := os.RemoveAll(do.State); err != nil {
			return err
		}
	}
	if len(do.Delete) > 0 {
		deleted, err := admin.DeleteTopics(ctx, do.Delete...)
		if err == nil {
			err = deleted.Error()
		}
		if err != nil {
			return fmt.Errorf("delete internal topics: %w", err)
		}
	}
	if err := forget(ctx, admin, c.App, do.Forget); err != nil {
		return err
	}
	var offsets kadm.Offsets
	for _, m := range do.Moves {
		offsets.AddOffset(m.Topic, m.Partition, m.To, -1)
	}
	if len(do.Moves) == 0 {
		return nil
	}
	if err := admin.CommitAllOffsets(ctx, c.App, offsets); err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	return nil
}

// removeMembers removes all members of a group.
func removeMembers(ctx context.Context, admin *kadm.Client, app string) error {
	group, err := describe(ctx, admin, app)
	if err != nil {
		return err
	}
	leave := kadm.LeaveGroup(app).Reason("millstream reset --force")
	var instances []string
	for _, m := range group.Members {
		if m.InstanceID == nil {
			return fmt.Errorf("member %s is no worker of Millstream: stop it", m.MemberID)
		}
		instances = append(instances, *m.InstanceID)
	}
	left, err := admin.LeaveGroup(ctx, leave.InstanceIDs(instances...))
	if err == nil {
		err = left.Error()
	}
	if err != nil {
		return fmt.Errorf("remove members: %w", err)
	}
	return nil
}

// forget removes the offsets of topics.
func forget(ctx context.Context, admin *kadm.Client, app string, topics []string) error {
	if len(topics) == 0 {
		return nil
	}
	committed, err := committedBy(ctx, admin, app)
	if err != nil {
		return err
	}
	set := committed.Offsets().TopicsSet()
	for _, t := range set.Topics() {
		if !slices.Contains(topics, t) {
			delete(set, t)
		}
	}
	removed, err := admin.DeleteOffsets(ctx, app, set)
	if err == nil {
		err = removed.Error()
	}
	if err != nil {
		return fmt.Errorf("remove the offsets of internal topics: %w", err)
	}
	return nil
}

// find is the offset for each partition of some topics.
func (r *resetPlace) find(
	ctx context.Context, admin *kadm.Client, topics []string, committed kadm.OffsetResponses,
) (map[string]map[int32]int64, error) {
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("start of %s: %w", strings.Join(topics, ", "), err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("end of %s: %w", strings.Join(topics, ", "), err)
	}
	asked, err := r.asked(ctx, admin, topics, starts, ends, committed)
	if err != nil {
		return nil, err
	}
	places := map[string]map[int32]int64{}
	starts.Each(func(first kadm.ListedOffset) {
		at, ok := asked(first.Topic, first.Partition)
		if !ok {
			return
		}
		if places[first.Topic] == nil {
			places[first.Topic] = map[int32]int64{}
		}
		last, _ := ends.Lookup(first.Topic, first.Partition)
		places[first.Topic][first.Partition] = min(max(at, first.Offset), last.Offset)
	})
	return places, nil
}

// asked tells the offset that was asked for, which may lie outside of the log.
func (r *resetPlace) asked(
	ctx context.Context, admin *kadm.Client, topics []string, starts, ends kadm.ListedOffsets,
	committed kadm.OffsetResponses,
) (func(topic string, partition int32) (int64, bool), error) {
	listed := func(offsets kadm.ListedOffsets) func(string, int32) (int64, bool) {
		return func(topic string, partition int32) (int64, bool) {
			o, ok := offsets.Lookup(topic, partition)
			return o.Offset, ok
		}
	}
	switch {
	case r.ToLatest:
		return listed(ends), nil
	case r.ToOffset != nil:
		return func(string, int32) (int64, bool) { return *r.ToOffset, true }, nil
	case r.ShiftBy != nil:
		return func(topic string, partition int32) (int64, bool) {
			o, ok := committed.Lookup(topic, partition)
			return o.At + *r.ShiftBy, ok
		}, nil
	case r.FromFile != "":
		return readOffsets(r.FromFile)
	case r.ToDatetime != nil, r.ByDuration != 0:
		at := time.Now().Add(-r.ByDuration)
		if r.ToDatetime != nil {
			at = *r.ToDatetime
		}
		after, err := admin.ListOffsetsAfterMilli(ctx, at.UnixMilli(), topics...)
		if err == nil {
			err = after.Error()
		}
		return listed(after), err
	}
	return listed(starts), nil
}

// readOffsets reads lines of topic, partition and offset.
func readOffsets(path string) (func(topic string, partition int32) (int64, bool), error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := csv.NewReader(file)
	lines.FieldsPerRecord, lines.TrimLeadingSpace = 3, true
	all, err := lines.ReadAll()
	if err == nil && len(all) == 0 {
		err = errors.New("it has no line: topic,partition,offset")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	type key struct {
		topic     string
		partition int32
	}
	offsets := map[key]int64{}
	for i, line := range all {
		partition, errP := strconv.ParseInt(line[1], 10, 32)
		offset, errO := strconv.ParseInt(line[2], 10, 64)
		if err := errors.Join(errP, errO); err != nil {
			return nil, fmt.Errorf("%s, line %d: topic,partition,offset: %w", path, i+1, err)
		}
		offsets[key{line[0], int32(partition)}] = offset
	}
	return func(topic string, partition int32) (int64, bool) {
		offset, ok := offsets[key{topic, partition}]
		return offset, ok
	}, nil
}
