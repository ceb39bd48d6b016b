// Package rescale changes the number of partitions of an application's inputs and takes its state along: changelogs,
// repartition topics and offsets are made anew in the new layout. It is what the command millstream rescale does, for
// applications whose layout a lock file does not tell: inputs with different numbers of partitions, partitioners of
// one's own, processors that keep rows under keys of their own. docs/rescaling.md tells what happens, and what is
// needed.
package rescale

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/rescale"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// Options say what is to be done. Without Execute nothing is changed: the plan tells what would be.
type Options struct {
	// Partitions is the new number of partitions of all inputs. Inputs are those of single topics, over it; what is in
	// neither keeps its number.
	Partitions int32
	Inputs     map[string]int32
	// Mappings place the rows of stores, by their names, and the records of repartition topics, by their names in the
	// cluster, that do not lie by the hash of the records' keys.
	Mappings map[string]Mapping
	// ByKey are stores of processors whose rows have the keys of the records. It is needed only where too few rows are
	// there to tell.
	ByKey []string

	Execute bool
	// Undo puts the old layout back after a change that was broken off, as long as the inputs have not grown.
	Undo bool
	// WorkDir has the rows of one store at a time. Default: the directory of the system for temporary files.
	WorkDir string
	// Wait is how long open transactions are waited for, as those of an instance that was killed. Default: 1 min.
	Wait time.Duration
	// Say is told what is being done, if it is given.
	Say func(format string, args ...any)
}

// Mapping is the partition, from 0 on and less than partitions, in which a row is to be. key and value are the bytes of
// the changelog, or of the repartition topic; value is nil where there is none. They must not be kept. In a changelog
// of windows the key is followed by 12 bytes (start as int64, 4 bytes 0), in one of sessions by 16 (end and start).
type Mapping = rescale.Mapping

// Plan is a change of the partitions of an application, App, and how far it has come: Began is in milliseconds, Phase
// is planned, marked, saved, rewritten, grown, committed, done, undoing or undone. Inputs and the internal Topics are
// those that change, with their numbers of partitions and rows, Offsets what the group had committed. Mappings are the
// names of those that it was planned with. Back is true while it is undone, once the internal topics are as they were.
// Notes are what should be known before it is executed.
type Plan = rescale.Plan

// DeclinedError is why a change is not begun, or not gone on with: its Reason. The application runs, records are not
// processed, rows lie where they are not expected. Nothing has been changed.
type DeclinedError = rescale.DeclinedError

// Run plans a change of partitions and, with Options.Execute, carries it out, goes on with the one that was broken off,
// or undoes it. No instance of the application may run, nor any producer to its inputs. Of the config it needs Brokers,
// Kafka and AppID, as the application has them. The plan is given as far as it has come, beside an error, too; after an
// error that is no DeclinedError Run may be called again, and goes on where it was.
func Run(ctx context.Context, topo *topology.Topology, config streams.Config, o Options) (*Plan, error) {
	if topo == nil {
		return nil, errors.New("rescale: a topology is needed")
	}
	if config.AppID != "" {
		var err error
		if topo, err = topo.WithApp(config.AppID); err != nil {
			return nil, err
		}
	}
	if len(config.Brokers) == 0 {
		config.Brokers = []string{"localhost:9092"}
	}
	connect := func(more ...kgo.Opt) (*kgo.Client, error) {
		opts := append([]kgo.Opt{kgo.SeedBrokers(config.Brokers...), kgo.ClientID(topo.App())}, config.Kafka...)
		return kgo.NewClient(append(opts, more...)...)
	}
	return rescale.Run(ctx, rescale.Request{
		Lock: topo.Lock(), Topology: (*graph.Topology)(topo), Partitions: o.Partitions, Inputs: o.Inputs,
		Mappings: o.Mappings, ByKey: o.ByKey,
		Execute: o.Execute, Undo: o.Undo, WorkDir: o.WorkDir, Wait: o.Wait, Say: o.Say, Connect: connect,
	})
}

// PartitionOf is where Kafka's Java client, and this library, put a record by the bytes of its key: murmur2.
func PartitionOf(key []byte, partitions int32) int32 { return cluster.PartitionOf(key, partitions) }
