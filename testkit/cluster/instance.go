package cluster

import (
	"context"
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
	sim     *simulation
	index   int
	lives   int
	network *network
	disk    *disk

	stop     context.CancelFunc
	ended    chan error   // of the present life; nil between two
	stopping chan error   // of a life that ends in good order
	dead     []chan error // of lives that were killed
}

// start begins a life on the disk, or on a new one.
func (i *instance) start() error {
	i.lives++
	i.network = newNetwork(&i.sim.net)
	for address := range i.sim.down {
		i.network.down(address, true)
	}
	if i.disk == nil {
		i.disk = newDisk(i.dir(), i.sim.budget)
	}
	topo, err := i.sim.job.Topology()
	if err != nil {
		return err
	}
	c := i.sim.job.Config
	c.Brokers, c.StateDir, c.OpenEngine = i.sim.fake.ListenAddrs(), i.disk.dir, i.disk.open
	c.Kafka = append(c.Kafka[:len(c.Kafka):len(c.Kafka)], kgo.Dialer(i.network.dial))
	c.Logger = slog.New(i.sim.log.of(fmt.Sprintf("%d.%d", i.index, i.lives)))
	app, err := streams.New(topo, c)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(i.sim.ctx)
	ended := make(chan error, 1)
	i.stop, i.ended = cancel, ended
	// Started here, owns its clients and databases, ends with ctx; collected by end or collect.
	go func() { ended <- app.Run(ctx) }()
	return nil
}

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
	old := i.disk
	i.disk = nil
	if percent >= 0 {
		left, err := old.left(filepath.Join(i.sim.dir, fmt.Sprintf("instance-%d-%d", i.index, i.lives+1)), percent, rng)
		if err != nil {
			i.sim.check(err)
			return
		}
		i.disk = left
	}
	i.dead = append(i.dead, i.ended)
	i.ended = nil
	i.stop()
}

// revive starts an instance that is not alive, once its last life has ended.
func (i *instance) revive() {
	if i.stopping != nil {
		select {
		case <-i.stopping: //nolint:errcheck // what came of it is looked at
			i.stopping = nil
		default:
			i.sim.later(100*time.Millisecond, i.revive)
			return
		}
	}
	if i.ended == nil {
		i.sim.check(i.start())
	}
}

// end ends the present life in good order. What it says of that is not looked at: its brokers may be out of reach, and
// the group may have given it up. What came of it is.
func (i *instance) end() {
	if i.ended != nil {
		i.stop()
		<-i.ended //nolint:errcheck // what came of it is looked at
		i.ended = nil
	}
}

// look is an error if the present life has ended by itself.
func (i *instance) look() error {
	select {
	case err := <-i.ended:
		i.ended = nil
		return fmt.Errorf("instance %d has ended: %w", i.index, err)
	default:
		return nil
	}
}

// collect waits for the lives that were killed.
func (i *instance) collect() {
	for _, ended := range i.dead {
		<-ended //nolint:errcheck // what came of it is looked at
	}
	i.dead = nil
}
