package inspect

import (
	"fmt"
	"time"

	"github.com/millstream-go/millstream/streams"
)

// Check is one possible cause of results that do not come, and what a snapshot says of it.
type Check struct {
	Text  string `json:"text"`           // the question
	Found string `json:"found"`          // what there is; empty: it is not the cause
	Note  string `json:"note,omitempty"` // what there is to know, cause or not
	Part  string `json:"part,omitempty"` // of the page that shows more, as the name of its anchor
	// Unknown: it could not be looked at, as the application has no tasks that run.
	Unknown bool `json:"unknown,omitempty"`
}

// rank is 0 for what was found, 1 for what is not known, and 2 for what is no cause.
func (c Check) rank() int {
	switch {
	case c.Found != "":
		return 0
	case c.Unknown:
		return 1
	}
	return 2
}

// quiet is how long nothing may come before it is told.
const quiet = 10 * time.Second

const (
	inputSilent = "Is one input of a task silent while others have records?"
	timeStands  = "Does stream time move? Windows close by it, and by nothing else."
)

// Checks are the usual causes of results that do not come out, in the order in which they are worth a look.
func Checks(s streams.Snapshot) []Check {
	checks := []Check{
		{Part: "events-title", Text: "Does the application run?", Found: runs(s)},
		{Part: "tasks-title", Text: "Do all tasks run?", Found: tasksRun(s)},
		{Part: "commits-title", Text: "Is any worker held up?", Found: heldUp(s)},
		{Part: "tasks-title", Text: "Does anything come in?", Found: comesIn(s)},
		{Part: "tasks-title", Text: inputSilent, Found: silent(s)},
		{Part: "drops-title", Text: "Are records dropped?", Found: drops(s)},
		{Part: "failures-title", Text: "Is a record left out as it failed?", Found: failed(s)},
		{Part: "commits-title", Text: "Do commits happen?", Found: commits(s)},
		{Part: "tasks-title", Text: timeStands, Found: timeMoves(s)},
	}
	if len(s.Connectors) > 0 {
		checks = append(checks, Check{Part: "connectors-title", Text: "Do connectors write?", Found: connectors(s)})
	}
	return withUnknown(s, checks)
}

// withUnknown tells checks that found nothing from those that had nothing to look at.
func withUnknown(s streams.Snapshot, checks []Check) []Check {
	if s.State == streams.Running || len(s.Tasks) > 0 {
		return checks
	}
	for i := range checks {
		switch c := &checks[i]; c.Part {
		case "tasks-title", "commits-title", "peers-title", "stores-title", "topology":
			c.Unknown = c.Found == ""
		}
	}
	return checks
}

func runs(s streams.Snapshot) string {
	switch {
	case s.State == streams.Running:
		return ""
	case s.Error != "":
		return fmt.Sprintf("it is %s since %s: %s%s", s.State, clockTime(s.Since), s.Error, startAnew(s))
	}
	return fmt.Sprintf("it is %s since %s", s.State, clockTime(s.Since))
}

// startAnew says what a start comes to after a record has ended the application.
func startAnew(s streams.Snapshot) string {
	if f := lastFailure(s); s.State != streams.Failed || f.Topic == "" || f.Action != streams.Fail.String() {
		return ""
	}
	return ". A start comes to the same record again: mend what reads it, or let Config.OnError leave it out"
}

// lastFailure is the newest failure of a record; without a topic if there is none.
func lastFailure(s streams.Snapshot) streams.Failure {
	if len(s.Failures) == 0 {
		return streams.Failure{}
	}
	return s.Failures[len(s.Failures)-1]
}

func tasksRun(s streams.Snapshot) string {
	waiting := 0
	for _, t := range s.Tasks {
		if !t.Running {
			waiting++
		}
	}
	switch {
	case len(s.Tasks) == 0 && s.State == streams.Running:
		return "this process has no task: others have all of them, or there are fewer tasks than workers"
	case waiting > 0:
		return fmt.Sprintf("%d of %d do not: %d stores are being restored", waiting, len(s.Tasks), len(s.Restores))
	}
	return ""
}

// connectors tells of the first connector that does not write.
func connectors(s streams.Snapshot) string {
	for _, c := range s.Connectors {
		switch {
		case c.Waiting != "" && !c.Running:
			return fmt.Sprintf("%s %s has ended at %s: %s", c.Kind, c.Name, clockTime(c.WaitingSince), c.Waiting)
		case c.Waiting != "":
			return fmt.Sprintf("%s %s is tried again since %s: %s", c.Kind, c.Name, clockTime(c.WaitingSince), c.Waiting)
		case !c.Running:
			return fmt.Sprintf("%s %s does not run: connectors are not started by the App", c.Kind, c.Name)
		}
	}
	return ""
}

func heldUp(s streams.Snapshot) string {
	for _, w := range s.Workers {
		if !w.CodeSince.IsZero() && s.At.Sub(w.CodeSince) > quiet {
			return fmt.Sprintf("the code of a step is at work for task %s since %s", w.CodeTask, clockTime(w.CodeSince))
		}
		for _, wait := range w.Waits {
			if s.At.Sub(wait.Since) > quiet {
				return fmt.Sprintf("worker %d waits for %s since %s", w.Worker, wait.For, clockTime(wait.Since))
			}
		}
	}
	return ""
}

// comesIn tells of inputs of which all is read, and nothing was ever read.
func comesIn(s streams.Snapshot) string {
	inputs, empty, done := 0, 0, 0
	for _, t := range s.Tasks {
		for _, in := range t.Inputs {
			inputs++
			if in.Lag == 0 {
				done++
			}
			if in.End == 0 {
				empty++
			}
		}
	}
	switch {
	case inputs == 0:
		return ""
	case empty == inputs:
		return "all inputs of this process are empty"
	case done == inputs && min(s.At.Sub(lastRecords(s)), s.At.Sub(s.Since)) > quiet:
		return "all that there is has been read, and nothing new has come for " + quiet.String()
	}
	return ""
}

// lastRecords is when a commit with records began last; the zero time if none is known.
func lastRecords(s streams.Snapshot) (last time.Time) {
	for _, c := range s.Commits {
		if c.Records > 0 && c.Began.After(last) {
			last = c.Began
		}
	}
	return last
}

// silent tells of a task that waits for an input that has nothing, with records of others in hand.
func silent(s streams.Snapshot) string {
	for _, t := range s.Tasks {
		for _, in := range t.Inputs {
			for _, other := range t.Inputs {
				if in.Buffered == 0 && in.Lag != 0 && other.Buffered > 0 {
					why := "of which more is known to come"
					if in.Lag < 0 {
						why = "of which no broker has told yet where it ends"
					}
					return fmt.Sprintf("task %s has %d records of %s/%d, and waits for %s/%d, %s",
						t.Task, other.Buffered, other.Topic, other.Partition, in.Topic, in.Partition, why)
				}
			}
		}
	}
	return ""
}

func drops(s streams.Snapshot) string {
	var worst streams.Drops
	total := int64(0)
	for _, d := range s.Drops {
		if total += d.Records; d.Records > worst.Records {
			worst = d
		}
	}
	if total == 0 {
		return ""
	}
	text := fmt.Sprintf("%d by step %s as %s", worst.Records, worst.Step, worst.Reason)
	processed := int64(0)
	for _, w := range s.Workers {
		processed += w.Total.Records
	}
	if worst.Records <= processed {
		text += fmt.Sprintf(", of %d records that were processed (%.3g %%)", processed,
			100*float64(worst.Records)/float64(processed))
	}
	if more := total - worst.Records; more > 0 {
		text += fmt.Sprintf("; %d more by other steps, or for other reasons", more)
	}
	return text
}

func failed(s streams.Snapshot) string {
	for _, t := range s.Tasks {
		if t.Error != "" {
			return fmt.Sprintf("task %s at %s: %s", t.Task, clockTime(t.ErrorAt), t.Error)
		}
	}
	if f := lastFailure(s); f.Topic != "" {
		return fmt.Sprintf("%s/%d offset %d at %s, in step %s", f.Topic, f.Partition, f.Offset, clockTime(f.At), f.Step)
	}
	return ""
}

func commits(s streams.Snapshot) string {
	if s.State == streams.Stalled {
		return "there is something to commit, and no commit happens: the log says why"
	}
	for _, t := range s.Tasks {
		for _, in := range t.Inputs {
			none := in.Committed < 0 && in.Time.IsZero() // it has had no record that could be committed
			if in.Position > in.Committed && !none && len(s.Commits) > 0 {
				if last := s.Commits[len(s.Commits)-1].Began; s.At.Sub(last) > time.Minute {
					return fmt.Sprintf("the last one began at %s", clockTime(last))
				}
			}
		}
	}
	return ""
}

// timeMoves tells of tasks whose stream time is behind the wall clock, although all has been read.
func timeMoves(s streams.Snapshot) string {
	for _, t := range s.Tasks {
		if stands(t, s.At) {
			return fmt.Sprintf("task %s has read all and stands at %s, %s ago%s: what waits for a later time needs a "+
				"record of that in the task's partition", t.Task, clockTime(t.StreamTime), pageDuration(t.Behind(s.At)),
				asOthers(s, t))
		}
	}
	return ""
}

// asOthers counts the other tasks that stand still, too.
func asOthers(s streams.Snapshot, one streams.TaskStatus) string {
	n := 0
	for _, t := range s.Tasks {
		if t.Task != one.Task && stands(t, s.At) {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return ", as " + pageCount(n, "other") + " do"
}

func clockTime(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") }
