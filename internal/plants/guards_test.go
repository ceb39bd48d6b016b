package plants

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// guard is what a test is there for: without it the test must fail.
type guard struct {
	class   string // of docs/simulation.md
	name    string
	changes []change
	dir     string
	test    string
}

var guards = []guard{
	{"F3", "the end of a transaction must be known", []change{{
		"internal/worker", "if err := m.committing.Commit(ctx, m.client); err != nil {",
		"if err := m.committing.Commit(ctx, m.client); err != nil && ctx.Err() != nil {",
	}}, "testkit/cluster", "TestEachErrorOfEachTransactionalRequest"},
	{"F4", "a session is bound to one member", []change{{
		"internal/worker", "if member != m.id {", "if member != m.id && m.id == \"\" {",
	}}, "streams", "TestAZombieCommitsNothing"},
	{"F4", "at least once, the group is asked before a write", []change{{
		"internal/worker", "\tif !s.config.ExactlyOnce {\n", "\tif false {\n",
	}}, "streams", "TestAZombieWritesNoChangelog"},
	{"F4", "at least once, a record of a former owner is not restored", []change{{
		"internal/task", "\tif epoch == 0 {\n", "\tif epoch >= 0 {\n",
	}}, "internal/task", "TestALateRecordOfAFormerOwner"},
	{"F4", "at least once, what a former owner wrote is mended", []change{{
		"internal/worker", "\tif err := s.mend(ctx); err != nil {\n", "\tif err := ctx.Err(); err != nil {\n",
	}}, "streams", "TestALateChangelogWriteIsMended"},
	{"F41", "records that are refused for markers on their way are sent again at once", []change{{
		"internal/cluster", "kgo.MetadataMinAge(MetadataMinAge),", "kgo.MetadataMinAge(5 * time.Second),",
	}}, "testkit/cluster", "TestMarkersOnTheirWay"},
	{"F5", "a commit in the middle of a rebalance is tried again", []change{{
		"internal/cluster", "return errors.Is(err, kerr.IllegalGeneration) || errors.Is(err, kerr.RebalanceInProgress) ||",
		"return errors.Is(err, kerr.UnknownServerError) ||",
	}}, "streams", "TestACommitMeetsARebalance"},
	{"F11", "state that is older than the deletes is set aside", []change{{
		"internal/task", "age > l.Forgets.Milliseconds()", "age < -l.Forgets.Milliseconds()",
	}}, "streams", "TestStateOlderThanTheDeletes"},
	{"F12", "a changelog that was created anew is an error", []change{{
		"internal/task", "if lost && counted && !f.Accept.Has(AcceptLostState) {", "if lost && counted && f.Accept == 0xff {",
	}}, "streams", "TestChangelogCreatedAnew"},
	{"F12", "a changelog that is gone is an error", []change{{
		"internal/cluster", "if o.At > 0 && !s.AllowLostState {", "if o.At < -1 && !s.AllowLostState {",
	}}, "streams", "TestDeletedChangelog"},
	{"F12", "a changelog that loses its tail while a task runs is an error", []change{{
		"internal/worker", "\tif err := s.checkCut(ctx); err != nil {\n", "\tif err := ctx.Err(); err != nil {\n",
	}}, "streams", "TestAChangelogCutWhileRunning"},
	{"F12", "topics are looked at while the application runs", []change{
		behind("internal/worker", "func (s *session) verifyTopics() {\n", "\treturn\n"),
	}, "streams", "TestATopicDeletedWhileRunning"},
	{"F20", "a record that Kafka would refuse is its record's failure", []change{{
		"internal/worker", "tasks.EncodeOnPut, tasks.Refused, tasks.RowsRefused = w.lessons.encodeOnPut, w.lessons.refused, s.rowsRefused(work)", "tasks.EncodeOnPut, tasks.RowsRefused = w.lessons.encodeOnPut, s.rowsRefused(work)",
	}}, "streams", "TestARefusedRecordMeetsThePolicy"},
	{"F20", "a batch that is too large is no record that is", []change{{
		"internal/worker", "\tif searched := l.search(produced); searched != nil {\n",
		"\tif searched := l.search(produced); searched != nil && ctx.Err() != nil {\n",
	}}, "streams", "TestATopicThatTakesSmallBatches"},
	{"F20", "a limit that was raised is found", []change{{
		"internal/worker", "\t\t\tcase now != rows.settings:\n", "\t\t\tcase now == \"\":\n",
	}}, "streams", "TestALimitThatWasRaised"},
	{"F23", "durations are kept when the clock is set", []change{
		behind("internal/task", "func (s *Set) Adjust(by int64) {\n", "\tby = 0\n"),
	}, "internal/task", "TestAClockThatIsSet"},
	{"F24", "a time too far ahead is kept out", []change{{
		"internal/task", "if most == 0 || at <= from || at-from <= most {", "if most == 0 || at != from {",
	}}, "internal/task", "TestATimeTooFarAhead"},
	{"F27", "offsets that are gone are an error", []change{{
		"internal/task", "\tcase !in.task.Keeps():\n", "\tcase gone:\n\t\treturn nil\n\tcase !in.task.Keeps():\n",
	}}, "streams", "TestLostOffsets"},
	{"F27", "an offset that was set by hand is no commit", []change{{
		"internal/task", "!c.Chosen && !committed", "!c.Chosen && committed && c.Epoch > 1<<30",
	}}, "streams", "TestTheOffsetThatTheErrorNames"},
	{"F28", "a changelog in another format is an error", []change{{
		"internal/task", "if h.Key == wire.FormatHeader && string(h.Value) != c.spec.Format() {",
		"if h.Key == wire.FormatHeader && string(h.Value) == \"\" {",
	}}, "streams", "TestChangelogInAnotherFormat"},
	{"F28", "a database in another format is an error", []change{{
		"internal/task", "if have := string(value[2:]); have != localFormat(spec) {",
		"if have := string(value[2:]); have == \"\" {",
	}}, "streams", "TestStateDirectoryOfAnotherTopology"},
	{"F36", "an input that is shorter than its offset is an error", []change{{
		"internal/task", "case anew && (in.task.Keeps() || !gone), at > log.End && in.task.Keeps(), !gone && at > log.End:",
		"case anew && at < 0:",
	}}, "streams", "TestInputShorterThanItsOffset"},
	{"F38", "an input that was emptied holds up nobody", []change{
		{"internal/worker", "\ts.checkInputs()\n", ""},
	}, "streams", "TestAnInputThatIsEmptiedMeanwhile"},
}

// TestGuards takes out one guard after the other, and sees its test fail.
func TestGuards(t *testing.T) {
	if os.Getenv("MILLSTREAM_GUARDS") == "" {
		t.Skip("it takes a while: make guards")
	}
	for _, g := range guards {
		t.Run(g.class+" "+g.test+": "+g.name, func(t *testing.T) {
			out, ok := goTest(t, g.changes, nil, "-tags=synctests", "-timeout=3m", "-run=^"+g.test+"$", "./"+g.dir)
			require.False(t, ok, "it does not fail")
			require.Regexp(t, regexp.MustCompile("--- FAIL: "+g.test+"|panic: test timed out"), out)
		})
	}
}
