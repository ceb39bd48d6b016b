package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
)

// globals follows the topics of the global tables, with a client of its own.
//
// The worker reads them to their ends before it joins the group, so that its tasks find every row. From then on one
// goroutine, started by follow and ended by stop, hands what comes to the worker, which enters it between records.
type globals struct {
	session *session
	tables  *task.Global
	client  *kgo.Client
	ends    map[string]map[int32]int64 // not reached yet
	began   int64                      // wall clock of the look at the topics
	cancel  context.CancelFunc
	done    chan struct{}
}

// openGlobals opens the global tables and reads their topics to the end; nil if there are none.
func (s *session) openGlobals(ctx context.Context) (*globals, error) {
	if s.config.Topology.Global() == nil {
		return nil, nil
	}
	s.worker.report(Restoring)
	tables, err := s.openTables()
	if err != nil {
		return nil, err
	}
	g := &globals{session: s, tables: tables, ends: map[string]map[int32]int64{}}
	from, err := g.plan(ctx)
	if err != nil {
		return nil, err
	}
	g.client, err = cluster.NewClient(cluster.GlobalRole, s.config.Client(cluster.GlobalRole),
		kgo.ConsumePartitions(from), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	if err := g.catchUp(ctx); err != nil {
		g.client.Close()
		return nil, err
	}
	g.tables.CaughtUp(g.began)
	if err := g.tables.Commit(); err != nil {
		g.client.Close()
		return nil, err
	}
	g.tables.Show()
	return g, nil
}

// catchUp reads to the ends.
func (g *globals) catchUp(ctx context.Context) error {
	defer g.endWaits()
	for len(g.ends) > 0 {
		wait, cancel := context.WithTimeout(ctx, checkAfter)
		fetches := g.client.PollRecords(wait, highRecords)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := g.enter(fetches)
		if err == nil && fetches.NumRecords() == 0 {
			err = g.checkEnds(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkEnds finds out whether what is waited for is still there.
func (g *globals) checkEnds(ctx context.Context) error {
	kafka, waiting := g.session.config.Cluster, cluster.Partitions{}
	if _, _, err := kafka.Verify(ctx, mostVerify); cluster.IsTopicError(err) {
		return err
	}
	for topic, ends := range g.ends {
		for p := range ends {
			waiting.Add(topic, p)
			g.session.worker.waits.begin(waitFor(topic, p), func(ctx context.Context) string {
				return kafka.WhyNoRecords(ctx, topic, p)
			})
		}
	}
	for topic, starts := range kafka.Starts(ctx, waiting) {
		for p, start := range starts {
			if start.Err == nil && start.Offset >= g.ends[topic][p] {
				g.reached(topic, p)
			}
		}
	}
	return nil
}

func waitFor(topic string, partition int32) string {
	return fmt.Sprintf("global table %s/%d", topic, partition)
}

// endWaits ends the waits that are left when it is given up.
func (g *globals) endWaits() {
	for topic, ends := range g.ends {
		for p := range ends {
			g.session.worker.waits.end(waitFor(topic, p))
		}
	}
}

// reached ends the wait for a partition.
func (g *globals) reached(topic string, partition int32) {
	g.session.worker.waits.end(waitFor(topic, partition))
	if delete(g.ends[topic], partition); len(g.ends[topic]) == 0 {
		delete(g.ends, topic)
	}
}

// grow reads partitions that topics have got since the session began.
func (g *globals) grow(counts map[string]int32) {
	if g == nil {
		return
	}
	have := g.session.layout.Partitions.Global
	for topic, n := range counts {
		added := map[int32]kgo.Offset{}
		for p := have[topic]; p < n; p++ {
			added[p] = kgo.NewOffset().AtStart()
		}
		if len(added) > 0 {
			g.session.config.Logger.Info("a topic of a global table has grown", "topic", topic, "was", have[topic], "is", n)
			g.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: added})
			have[topic] = n
		}
	}
}

// openTables opens the database of the worker's global tables. It is given back even if that fails.
func (s *session) openTables() (*task.Global, error) {
	engines, err := s.config.Process.Engines.acquire(s.worker.globalDir(), s.config.Index)
	if err != nil {
		return nil, err
	}
	return s.set.OpenGlobal(engines.Disk)
}

// leaveTables ends the global tables. Their database stays open for the next session.
func (s *session) leaveTables() error {
	if s.config.Topology.Global() == nil {
		return nil
	}
	defer s.config.Process.Engines.release(s.worker.globalDir(), s.config.Index)
	return s.set.LeaveGlobal()
}

// closeTables ends global tables that could not be opened, and takes damaged ones out of the way.
func (s *session) closeTables(err error) error {
	damaged, failed := errors.Is(err, store.ErrCorrupt), ofEngine(err)
	err = errors.Join(err, s.leaveTables())
	switch {
	case damaged:
		return errors.Join(err, s.worker.setTablesAside(err))
	case failed:
		return errors.Join(err, s.config.Process.Engines.discard(s.worker.globalDir(), s.config.Index))
	}
	return err
}

// plan finds from where each partition is read, and where what is committed of it ends now: it is others who write
// these topics, and their transactions may stay open. Rows of a log that has forgotten their deletes since, or of
// another cluster, are dropped, and all is read again.
func (g *globals) plan(ctx context.Context) (map[string]map[int32]kgo.Offset, error) {
	all := cluster.Partitions{}
	for topic, n := range g.session.layout.Partitions.Global {
		for p := range n {
			all.Add(topic, p)
		}
	}
	kafka := g.session.config.Cluster
	g.began = now()
	starts, ends := kafka.Starts(ctx, all), kafka.StableEnds(ctx, all)
	again, err := g.judge(ctx, starts, ends)
	if err != nil {
		return nil, untilConfirmed(err, &g.session.worker.lessons.globalChecks)
	}
	if g.session.worker.lessons.globalChecks = 0; again != "" {
		g.session.config.Logger.Warn("global tables do not fit their topics and are read again", "reason", again)
		if err := g.tables.Clear(); err != nil {
			return nil, err
		}
	}
	from := map[string]map[int32]kgo.Offset{}
	err = g.each(func(topic string, p int32, at int64) {
		start, _ := starts.Lookup(topic, p) // fits has seen that it is known
		end, _ := ends.Lookup(topic, p)
		at = max(at, start)
		if from[topic] == nil {
			from[topic] = map[int32]kgo.Offset{}
		}
		from[topic][p] = kgo.NewOffset().At(at)
		if at < end {
			if g.ends[topic] == nil {
				g.ends[topic] = map[int32]int64{}
			}
			g.ends[topic][p] = end
		}
	})
	return from, err
}

// judge compares the rows with the topics.
func (g *globals) judge(ctx context.Context, starts, ends cluster.ListedOffsets) (again string, err error) {
	s := g.session
	places, written, err := g.written(ctx)
	if err != nil {
		return "", err
	}
	facts := task.GlobalFacts{
		Cluster: s.layout.ClusterID, Now: g.began, Accept: s.config.Accept, Logs: map[string]map[int32]task.Log{},
	}
	for topic, n := range s.layout.Partitions.Global {
		facts.Logs[topic] = map[int32]task.Log{}
		for p := range n {
			start, err1 := starts.Lookup(topic, p)
			end, err2 := ends.Lookup(topic, p)
			if err := cmp.Or(err1, err2); err != nil {
				return "", err
			}
			log := s.log(topic, start, end)
			if _, told := written[topic][p]; told {
				at, err := written.Lookup(topic, p)
				if err != nil {
					return "", err
				}
				log = log.Compared(places[topic][p].Offset, at)
			}
			facts.Logs[topic][p] = log
		}
	}
	return g.tables.Judge(facts)
}

// written are the places up to where partitions have been read, and where what was written up to their leader epochs
// ends now, as far as that is known: a log that was cut is soon as long as it was.
func (g *globals) written(
	ctx context.Context,
) (places map[string]map[int32]task.Place, ends cluster.ListedOffsets, err error) {
	places, epochs := map[string]map[int32]task.Place{}, cluster.Epochs{}
	for topic, n := range g.session.layout.Partitions.Global {
		for p := range n {
			at, err := g.tables.Place(topic, p)
			if err != nil {
				return nil, nil, err
			}
			if at.Offset <= 0 || at.Epoch < 0 {
				continue
			}
			if places[topic] == nil {
				places[topic] = map[int32]task.Place{}
			}
			places[topic][p] = at
			epochs.Add(topic, p, at.Epoch)
		}
	}
	return places, g.session.config.Cluster.Written(ctx, epochs), nil
}

// each shows each partition with the offset from which it is to be read on.
func (g *globals) each(show func(topic string, p int32, from int64)) error {
	for topic, n := range g.session.layout.Partitions.Global {
		for p := range n {
			from, err := g.tables.From(topic, p)
			if err != nil {
				return err
			}
			show(topic, p, from)
		}
	}
	return nil
}

// enter enters what was fetched.
func (g *globals) enter(fetches kgo.Fetches) (err error) {
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if err == nil {
			err = g.enterOne(p)
		}
	})
	if err != nil {
		return err
	}
	if len(g.ends) == 0 {
		g.tables.CaughtUp(now())
	}
	return g.tables.Commit()
}

func (g *globals) enterOne(p kgo.FetchTopicPartition) error {
	if p.Err != nil {
		return g.readAgain(g.session.fetchError(p))
	}
	if len(p.Records) == 0 {
		return nil
	}
	raws := rawsOf(p.Records)
	next := raws[len(raws)-1].Offset + 1
	if end, waits := g.ends[p.Topic][p.Partition]; waits && next >= end {
		g.reached(p.Topic, p.Partition)
	}
	return g.tables.Apply(p.Topic, p.Partition, raws, next)
}

// readAgain drops all rows after a loss that is accepted, and begins a new session to read what there is now.
func (g *globals) readAgain(err error) error {
	var cut *task.LostInputError
	if !errors.As(err, &cut) || !g.session.config.Accept.Has(task.AcceptLostInput) {
		return err
	}
	if err := g.tables.Clear(); err != nil {
		return err
	}
	return fmt.Errorf("global tables are read again: %v", cut)
}

// follow hands what comes to the worker from now on.
func (g *globals) follow() {
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel, g.done = cancel, make(chan struct{})
	events := g.session.events
	go func() {
		defer close(g.done)
		for {
			fetches := g.client.PollRecords(ctx, highRecords)
			if ctx.Err() != nil || fetches.IsClientClosed() {
				return
			}
			events.wait(func(context.Context) error { return g.enter(fetches) })
		}
	}()
}

// stop ends the goroutine and the client. The worker's events must have been stopped before, so that nobody waits.
func (g *globals) stop() {
	if g == nil {
		return
	}
	if g.cancel != nil {
		g.cancel()
		<-g.done
	}
	g.client.Close()
}
