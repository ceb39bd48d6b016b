package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// meter counts records and takes the process's readings when the warm ones are through.
type meter struct {
	warm, records int64
	seen          atomic.Int64
	behind        atomic.Int64  // records that came out of a repartition topic
	repartition   bool          // the last of these is the end
	done          chan struct{} // closed at the last record
	atWarm        func()

	start     time.Time // of the process
	first     time.Time
	warmTime  time.Time
	warmCPU   time.Duration
	warmAlloc uint64

	cpu, wall time.Duration // of the measured records
	allocs    uint64
	peak      int64
}

func newMeter(o options) *meter {
	return &meter{warm: o.warm, records: o.records, done: make(chan struct{}), start: processStart(), atWarm: func() {}}
}

// mark counts a record.
func (m *meter) mark() {
	switch m.seen.Add(1) {
	case 1:
		m.first = time.Now()
	case m.warm:
		m.atWarm()
		m.warmCPU, m.warmAlloc, m.warmTime = processCPU(), mallocs(), time.Now()
	case m.records:
		if !m.repartition {
			close(m.done)
		}
	}
}

// markBehind counts a record behind a repartition topic.
func (m *meter) markBehind() {
	if m.behind.Add(1) == m.records {
		close(m.done)
	}
}

// stop takes the readings at the end, before the result is checked.
func (m *meter) stop() (err error) {
	m.cpu, m.wall, m.allocs = processCPU()-m.warmCPU, time.Since(m.warmTime), mallocs()-m.warmAlloc
	m.peak, err = peakMB()
	return err
}

func (m *meter) result(o options) result {
	n := float64(m.records - m.warm)
	return result{
		Peer: "millstream", Workload: o.workload, Guarantee: o.guarantee,
		CommitMs: o.commit.Milliseconds(), CacheMB: o.cacheMB,
		Records: m.records - m.warm, CPUMicros: float64(m.cpu.Nanoseconds()) / 1e3 / n, RecordsPerS: n / m.wall.Seconds(),
		RSSPeakMB: m.peak, FirstRecordMs: m.first.Sub(m.start).Milliseconds(), AllocsPerRec: float64(m.allocs) / n,
	}
}

func mallocs() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// processCPU is the user and system time of the process.
func processCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processStart is when the process was started, in clock ticks after the boot.
func processStart() time.Time {
	stat, err := os.ReadFile("/proc/self/stat")
	uptime, err2 := os.ReadFile("/proc/uptime")
	if err != nil || err2 != nil {
		return time.Now()
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var ticks int64
	var up float64
	fmt.Sscan(fields[19], &ticks)
	fmt.Sscan(string(uptime), &up)
	const ticksPerSecond = 100
	return time.Now().Add(-time.Duration((up - float64(ticks)/ticksPerSecond) * float64(time.Second)))
}

// peakMB is the highest resident memory of the process.
func peakMB() (int64, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var kb int64
		if n, _ := fmt.Sscanf(s.Text(), "VmHWM: %d kB", &kb); n == 1 {
			return kb >> 10, nil
		}
	}
	return 0, fmt.Errorf("no VmHWM in /proc/self/status")
}
