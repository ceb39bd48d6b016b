package cluster

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

// Job is what is tried.
type Job struct {
	// Topology is what the instances run.
	Topology func() (*topology.Topology, error)
	// Upgrade, if it is set, is what the instances are upgraded to, one after the other: at the latest once all faults are
	// over. The model runs it, so its results for the records that Topology has read must be those of Topology.
	Upgrade func() (*topology.Topology, error)
	// Inputs are the topics that the topology reads, with their records.
	Inputs []Input
	// Outputs are the topics that it writes, with how they are compared.
	Outputs []Output
	// Config is the configuration of each instance. Brokers, StateDir, OpenEngine, Logger are set here, and
	// the dialer of Kafka.
	Config streams.Config
	// Instances is how many processes share the work. Default: 2.
	Instances int
	// Faults are the kinds of faults; see Kinds. Default: all.
	Faults []string
	// Seeds is how many scripts are tried, unless MILLSTREAM_SIM_SEEDS says otherwise. Default: 20.
	Seeds int

	brokers []kfake.Opt // for tests of this package
}

// Run tries a job with one script of faults after the other. A script that fails is made as short as it still fails,
// and fails the test. With MILLSTREAM_SIM_KEEP=1 it is told as it is, and the others are tried, too;
// MILLSTREAM_SIM_FAULTS are the only kinds of faults, with commas between them.
func Run(t *testing.T, job Job) {
	t.Helper()
	if !tagged {
		t.Fatal("cluster: build the test with -tags synctests: virtual time stands still behind the locks of the client")
	}
	if job.Instances == 0 {
		job.Instances = 2
	}
	if only := os.Getenv("MILLSTREAM_SIM_FAULTS"); only != "" {
		job.Faults = strings.Split(only, ",")
	}
	if err := job.check(); err != nil {
		t.Fatal(err)
	}
	met := &tally{}
	first, last, failed := job.seeds(t, func(seed uint64) error {
		script := newScript(rand.New(rand.NewPCG(seed, nameOf(t))), &job)
		err := job.try(t, seed, script, met)
		if err == nil {
			return nil
		}
		tell := t.Logf
		if setting(t, "MILLSTREAM_SIM_KEEP", 0) == 0 {
			script, err = job.shrink(t, seed, script, err)
			tell = t.Fatalf
		}
		tell("cluster: seed %d (MILLSTREAM_SIM_SEED=%d MILLSTREAM_SIM_SEEDS=1): %v\nfaults:\n%v", seed, seed, err, script)
		return err
	})
	t.Logf("cluster: seeds %d to %d, faults met: %v", first, last, met)
	if len(failed) > 0 {
		t.Errorf("cluster: %d of %d seeds fail: %v", len(failed), last-first+1, failed)
	}
}

// seeds tries one seed after the other, as many as are to be, and no longer than is given. It gives the first and the
// last of them, and those that failed.
func (j *Job) seeds(t *testing.T, try func(seed uint64) error) (first, last uint64, failed []uint64) {
	first = uint64(setting(t, "MILLSTREAM_SIM_SEED", 1))
	n := uint64(setting(t, "MILLSTREAM_SIM_SEEDS", or(j.Seeds, 20)))
	var until time.Time
	if given := os.Getenv("MILLSTREAM_SIM_TIME"); given != "" {
		d, err := time.ParseDuration(given)
		if err != nil {
			t.Fatalf("MILLSTREAM_SIM_TIME: %v", err)
		}
		until = time.Now().Add(d)
	}
	for seed := first; seed < first+n && (until.IsZero() || time.Now().Before(until)); seed++ {
		last = seed
		if try(seed) != nil {
			failed = append(failed, seed)
		}
	}
	return first, last, failed
}

// nameOf has the same seed give each test another script.
func nameOf(t *testing.T) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.Name())) // it never fails
	return h.Sum64()
}

// try plays one script in a bubble of its own.
func (j *Job) try(t *testing.T, seed uint64, s script, met *tally) (err error) {
	name := fmt.Sprintf("seed=%d", seed)
	dir := t.TempDir()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			err = newSimulation(j, seed, dir, met).run(t.Context(), s)
		})
	})
	return err
}

// shrink takes out faults as long as the script still fails.
func (j *Job) shrink(t *testing.T, seed uint64, s script, err error) (script, error) {
	deadline := time.Now().Add(shrinkFor)
	for i := len(s) - 1; i >= 0 && time.Now().Before(deadline); i-- {
		less := append(s[:i:i], s[i+1:]...)
		for range shrinkTries {
			if failed := j.try(t, seed, less, &tally{}); failed != nil {
				s, err = less, failed
				break
			}
		}
	}
	return s, err
}

const (
	shrinkFor   = time.Minute
	shrinkTries = 3 // the order of goroutines is not the seed's
)

func setting(t *testing.T, name string, otherwise int) int {
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s is %q: give a number", name, value)
	}
	return n
}

func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// orElse is a duration, or another one if it is not set.
func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}
