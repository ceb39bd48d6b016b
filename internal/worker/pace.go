package worker

import (
	"sync/atomic"
	"time"

	"github.com/millstream-go/millstream/internal/task"
)

// A step ends after the record that is in work when its time is over, so that a commit, a rebalance and a stop wait
// for one record at most.
const (
	stepRecords = 500 // records of a step at most
	stepBytes   = 4 << 20
	stepTime    = 25 * time.Millisecond
	ticks       = 5  // of a step: a task that has used one lets others have their turns
	mostTicks   = 64 // that are counted of one step
)

// pacer is the clock of the steps. The timer is started with each step and ends with it; it changes atomic fields only.
type pacer struct {
	task.Pace
	tick  time.Duration
	timer *time.Timer
	on    atomic.Bool
	began atomic.Int64 // ticks when the step began
}

// newPacer makes steps that are short beside the interval between commits, in milliseconds.
func newPacer(commitInterval int64) *pacer {
	interval := time.Duration(min(commitInterval, 1000)) * time.Millisecond
	p := &pacer{tick: max(time.Millisecond, min(stepTime, interval/4)/ticks)}
	p.timer = time.AfterFunc(time.Hour, p.ticked)
	p.timer.Stop()
	return p
}

func (p *pacer) ticked() {
	if !p.on.Load() {
		return
	}
	n := p.Ticks.Add(1) - p.began.Load()
	if n >= ticks {
		p.Stop.Store(true)
	}
	if n < mostTicks {
		p.timer.Reset(p.tick)
	}
}

// begin begins a step.
func (p *pacer) begin() {
	p.began.Store(p.Ticks.Load())
	p.Stop.Store(false)
	p.on.Store(true)
	p.timer.Reset(p.tick)
}

// end ends it.
func (p *pacer) end() {
	p.on.Store(false)
	p.timer.Stop()
}

// interrupt ends the step under way after the record in work.
func (p *pacer) interrupt() { p.Stop.Store(true) }
