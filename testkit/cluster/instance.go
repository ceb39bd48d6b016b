package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/streams"
)

// instance is one process of the application: its present life, and those that were killed and have not noticed.
type instance struct {
	sim      *simulation
	index    int
	lives    int
	network  *network
	disk     *disk
	workers  int  // 0: as the job says
	upgraded bool // runs Job.Upgrade
	accepted bool // the present life was told to go on although something was lost

	began    time.Time // the present life
	app      *streams.App
	stop     context.CancelFunc
	ended    chan error   // of the present life; nil between two
	stopping chan error   // of a life that ends in good order
	dead     []chan error // of lives that were killed
}

// start begins a life on the disk, or on a new one.
func (i *instance) start() error {
	i.lives++
	i.network = newNetwork(&i.sim.net)
	i.sim.networks = append(i.sim.networks, i.network)
	for address := range i.sim.down {
		i.network.down(address, true)
	}
	if i.disk == nil {
		i.disk = newDisk(i.dir(), i.sim.budget)
	}
	c := i.sim.job.Config
	c.Brokers, c.StateDir, c.OpenEngine = i.sim.fake.ListenAddrs(), i.disk.dir, i.disk.open
	c.Kafka = append(c.Kafka[:len(c.Kafka):len(c.Kafka)], kgo.Dialer(i.network.dial))
	c.Logger = slog.New(i.sim.log.of(i.life()))
	c.Workers = or(i.workers, c.Workers)
	if i.accepted = i.sim.accepts; i.accepted {
		c.Accept = streams.AcceptLostInput | streams.AcceptLostOffsets | streams.AcceptLostState
		c.AllowNewStores = true
	}
	build := i.sim.job.Topology
	if i.upgraded {
		build = i.sim.job.Upgrade
	}
	topo, err := build()
	if err != nil {
		return err
	}
	app, err := streams.New(topo, c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(i.sim.ctx)
	ended := make(chan error, 1)
	i.app, i.stop, i.ended, i.began = app, cancel, ended, time.Now()
	// Started here, owns its clients and databases, ends with ctx; collected by end or collect.
	go func() { ended <- app.Run(ctx) }()
	return nil
}

// life names the present life in the journal.
func (i *instance) life() string { return fmt.Sprintf("%d.%d", i.index, i.lives) }

func (i *instance) dir() string {
	return filepath.Join(i.sim.dir, fmt.Sprintf("instance-%d-%d", i.index, i.lives))
}

// kill ends the present life at once: nothing that it does from now on reaches a broker or the disk of the next one.
// percent is how much of what was not synced survives; below 0 the whole disk is lost.
func (i *instance) kill(percent int, rng *rand.Rand) {
	if i.ended == nil {
		return
	}
	i.network.cut(true)
	i.network.thaw()
	i.leave(percent, rng)
	i.dead = append(i.dead, i.ended)
	i.ended = nil
	i.stop()
	i.count()
}

// leave leaves the disk to what goes on with it, and gives the next life what a crash leaves of it now.
func (i *instance) leave(percent int, rng *rand.Rand) {
	old := i.disk
	i.disk = nil
	if percent < 0 {
		return
	}
	left, err := old.left(filepath.Join(i.sim.dir, fmt.Sprintf("instance-%d-%d", i.index, i.lives+1)), percent, rng)
	if err != nil {
		i.sim.check(err)
		return
	}
	i.disk = left
}

// begin ends the present life in good order, and does not wait for it.
func (i *instance) begin() {
	if i.ended == nil {
		return
	}
	if i.stopping != nil {
		i.dead = append(i.dead, i.stopping)
	}
	i.stop()
	i.stopping, i.ended = i.ended, nil
}

// over is true once no life of the instance is left that may do anything.
func (i *instance) over() bool {
	if i.stopping == nil {
		return i.ended == nil
	}
	select {
	case err := <-i.stopping:
		i.stopping = nil
		i.left(err)
		return i.ended == nil
	default:
		return false
	}
}

// left notes what a life that was stopped has said. What came of it is looked at; but a step that is still at work has
// the directory, so what follows is what follows a process that exits then.
func (i *instance) left(err error) {
	i.count()
	i.sim.busy = i.sim.busy || err != nil
	var busy *streams.BusyError
	if errors.As(err, &busy) {
		i.network.cut(true)
		i.leave(100, i.sim.rng)
	}
}

// count adds what the present life has dropped.
func (i *instance) count() {
	for reason, n := range i.app.Dropped() {
		i.sim.dropped[reason] += n
	}
}

// revive starts an instance that is not alive, once its last life has ended. While all are to be away, it waits.
func (i *instance) revive() {
	switch {
	case i.sim.out > 0 || i.ended != nil:
	case i.over():
		i.sim.check(i.start())
	default:
		i.sim.later(reviveAfter, i.revive)
	}
}

// end ends the present life in good order.
func (i *instance) end() error {
	if i.ended == nil {
		return nil
	}
	i.stop()
	err := <-i.ended
	i.ended = nil
	i.left(err)
	return err
}

// look is an error if the present life has ended by itself, and not by an error that the faults are the cause of.
func (i *instance) look() error {
	select {
	case err := <-i.ended:
		i.ended = nil
		i.count()
		if i.sim.report(i, err) {
			return nil
		}
		return fmt.Errorf("instance %d has ended: %w", i.index, err)
	default:
		return nil
	}
}

// collect waits for all lives.
func (i *instance) collect() {
	if i.ended != nil {
		i.stop()
		i.dead = append(i.dead, i.ended)
	}
	if i.stopping != nil {
		i.dead = append(i.dead, i.stopping)
	}
	for _, ended := range i.dead {
		if err := <-ended; err != nil {
			i.sim.busy = true
		}
	}
	i.ended, i.stopping, i.dead = nil, nil, nil
}
