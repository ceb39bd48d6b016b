// Command bench runs one workload over a topic of a Kafka cluster and prints one line of JSON: what a record costs.
//
//	go run ./internal/bench -workload count -bootstrap localhost:19092 -records 3000000 -warm 1000000 -guarantee alos
//
// It reads the topic in, for the workload join also tbl, and writes out, which it creates. Keys are int64; values are
// int64 amount, int64 event time, int64 sequence and filler. The processor time is that of the whole process, for the
// records after the warm ones, closing included. The result is checked: a wrong one is an error.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"time"
)

type options struct {
	workload  string
	bootstrap string
	records   int64
	warm      int64
	guarantee string
	commit    time.Duration
	cacheMB   int64
	profile   string
	verbose   bool
}

// result has the fields of the Kafka Streams side of the benchmarks.
type result struct {
	Peer          string  `json:"peer"`
	Workload      string  `json:"workload"`
	Guarantee     string  `json:"guarantee"`
	CommitMs      int64   `json:"commit_ms"`
	CacheMB       int64   `json:"cache_mb"`
	Tuned         int     `json:"tuned"`
	Records       int64   `json:"records"`
	CPUMicros     float64 `json:"cpu_us_per_record"`
	RecordsPerS   float64 `json:"records_per_s"`
	RSSPeakMB     int64   `json:"rss_peak_mb"`
	FirstRecordMs int64   `json:"first_record_ms"`
	AllocsPerRec  float64 `json:"allocs_per_record"`
}

func main() {
	var o options
	flag.StringVar(&o.workload, "workload", "count", "raw, pass, filter, count, tumble, rekey or join")
	flag.StringVar(&o.bootstrap, "bootstrap", "localhost:19092", "address of a broker")
	flag.Int64Var(&o.records, "records", 3_000_000, "records in the topic")
	flag.Int64Var(&o.warm, "warm", 1_000_000, "records that are not measured")
	flag.StringVar(&o.guarantee, "guarantee", "alos", "alos or eos")
	flag.DurationVar(&o.commit, "commit", 0, "commit interval; 0: the default of the guarantee")
	flag.Int64Var(&o.cacheMB, "cache-mb", 256, "memory for state, in MB")
	flag.StringVar(&o.profile, "cpuprofile", "", "file for a profile of the measured part")
	flag.BoolVar(&o.verbose, "v", false, "log what the library does")
	flag.Parse()
	if o.commit == 0 {
		o.commit = 30 * time.Second
		if o.guarantee == "eos" {
			o.commit = 100 * time.Millisecond
		}
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options) error {
	m := newMeter(o)
	if o.profile != "" {
		f, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		m.atWarm = func() {
			if err := pprof.StartCPUProfile(f); err != nil {
				fmt.Fprintln(os.Stderr, "bench:", err)
			}
		}
		defer pprof.StopCPUProfile()
	}
	runWorkload := runApp
	if o.workload == "raw" {
		runWorkload = runRaw
	}
	if err := runWorkload(o, m); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(m.result(o))
}
