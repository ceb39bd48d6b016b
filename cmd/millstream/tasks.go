package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
)

// tasksCmd lists the tasks of an application that runs.
type tasksCmd struct {
	endpoint
}

// taskRow is a task, and who has it.
type taskRow struct {
	Task       string    `json:"task"`
	Process    string    `json:"process"`
	Running    bool      `json:"running"`
	Lag        int64     `json:"lag"`
	Records    int64     `json:"records"`
	StreamTime time.Time `json:"stream_time,omitzero"`
	Error      string    `json:"error,omitempty"`
}

func (t taskRow) columns() []any {
	state, at := "running", "-"
	if !t.Running {
		state = "waiting"
	}
	if !t.StreamTime.IsZero() {
		at = t.StreamTime.UTC().Format(time.RFC3339)
	}
	return []any{t.Task, short(t.Process), state, t.Lag, t.Records, at, printable(t.Error)}
}

const tasksHead = "TASK\tPROCESS\tSTATE\tLAG\tRECORDS\tSTREAM TIME\tLAST ERROR"

// short is enough of the id of a process to tell it from others.
func short(process string) string { return process[:min(8, len(process))] }

// Run prints a line for each task, the worst first. Where a task does not run, or has no owner, the command declines.
func (c *tasksCmd) Run(ctx context.Context, p *printer) error {
	var all inspect.Peers
	if err := c.get(ctx, "api/v1/instances", nil, &all); err != nil {
		return err
	}
	rows, unknown := tasksOf(all)
	if err := table(p, tasksHead, rows); err != nil {
		return err
	}
	waiting := len(all.Unowned)
	for _, r := range rows {
		if !r.Running {
			waiting++
		}
	}
	switch {
	case all.Error != "":
		return fmt.Errorf("the group cannot be asked: %s", all.Error)
	case waiting > 0:
		return &declinedError{fmt.Sprintf("%d tasks do not run; without an owner: %v", waiting, all.Unowned)}
	case unknown > 0:
		return &declinedError{fmt.Sprintf("%d processes do not answer", unknown)}
	}
	return nil
}

// tasksOf are the tasks of all processes that answer, the worst first, and how many do not.
func tasksOf(all inspect.Peers) (rows []taskRow, unknown int) {
	for _, peer := range all.All {
		if peer.Snapshot == nil {
			unknown++
			continue
		}
		for _, t := range peer.Snapshot.Tasks {
			rows = append(rows, taskRow{t.Task, peer.Process, t.Running, t.Lag(), t.Records, t.StreamTime, t.Error})
		}
		for _, task := range peer.Tasks { // those that it does not have yet, though the group has given them to it
			if !slices.ContainsFunc(peer.Snapshot.Tasks, func(t streams.TaskStatus) bool { return t.Task == task }) {
				rows = append(rows, taskRow{Task: task, Process: peer.Process})
			}
		}
	}
	slices.SortStableFunc(rows, func(x, y taskRow) int {
		return cmp.Or(trueLast(x.Running, y.Running), cmp.Compare(y.Lag, x.Lag), cmp.Compare(x.Task, y.Task))
	})
	return rows, unknown
}

func trueLast(x, y bool) int {
	switch {
	case x == y:
		return 0
	case y:
		return -1
	}
	return 1
}

// topCmd shows an application while it runs.
type topCmd struct {
	endpoint
	Every time.Duration `default:"2s" help:"Between two looks."`
	Count int           `help:"Looks; 0: until it is interrupted."`
}

// look is one of them.
type look struct {
	At        time.Time                 `json:"at"`
	App       string                    `json:"app"`
	Processes map[string]*streams.State `json:"processes"` // null: it does not answer
	Records   float64                   `json:"records_per_second"`
	Lag       int64                     `json:"lag"`
	Tasks     []taskRow                 `json:"tasks"`

	committed int64
}

// Run prints a screen for each look, or a JSON value.
func (c *topCmd) Run(ctx context.Context, p *printer) error {
	var before look
	for n := 1; ; n++ {
		var all inspect.Peers
		if err := c.get(ctx, "api/v1/instances", nil, &all); err != nil {
			return err
		}
		if all.Error != "" {
			return fmt.Errorf("the group cannot be asked: %s", all.Error)
		}
		now := lookAt(all, before)
		if err := now.print(p, n > 1); err != nil || n == c.Count {
			return err
		}
		before = now
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(c.Every):
		}
	}
}

func lookAt(all inspect.Peers, before look) look {
	now := look{At: time.Now(), Processes: map[string]*streams.State{}}
	now.Tasks, _ = tasksOf(all)
	for _, peer := range all.All {
		now.Processes[peer.Process] = nil
		if s := peer.Snapshot; s != nil {
			now.App, now.Processes[peer.Process] = s.App, &s.State
			for _, w := range s.Workers {
				now.committed += w.Total.Records
			}
		}
	}
	for _, t := range now.Tasks {
		now.Lag += t.Lag
	}
	if seconds := now.At.Sub(before.At).Seconds(); !before.At.IsZero() && now.committed >= before.committed {
		now.Records = float64(now.committed-before.committed) / seconds
	}
	return now
}

// clear moves the cursor to the top of a terminal, and clears what is below.
const clear = "\x1b[H\x1b[J"

func (l look) print(p *printer, again bool) error {
	if p.json {
		return p.value(l)
	}
	if again {
		fmt.Fprint(p.out, clear)
	}
	p.line("%s  %s  %d processes, %d tasks, lag %d, %.0f records/s", l.App, l.At.UTC().Format(time.TimeOnly),
		len(l.Processes), len(l.Tasks), l.Lag, l.Records)
	for _, process := range slices.Sorted(maps.Keys(l.Processes)) {
		if state := l.Processes[process]; state == nil {
			p.line("%s does not answer", short(process))
		} else if *state != streams.Running {
			p.line("%s is %s", short(process), *state)
		}
	}
	const screen = 40
	return table(p, tasksHead, l.Tasks[:min(screen, len(l.Tasks))])
}
