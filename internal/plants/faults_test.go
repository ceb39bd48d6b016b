package plants

// plants are faults that there have been, or that are close to what the code guards against.
var plants = []plant{
	{
		"the group's offsets are gone: inputs are read from their starts, on top of the state",
		[]change{{"internal/task", "\tcase !in.task.Keeps():\n", "\tcase gone:\n\t\treturn nil\n\tcase !in.task.Keeps():\n"}},
		"TestSums",
		"group-expired",
	},
	{
		"an input is shorter than the group's offset: what is written below that is thrown away",
		[]change{{
			"internal/task", "case anew && (in.task.Keeps() || !gone), at > log.End && in.task.Keeps(), !gone && at > log.End:",
			"case anew && at < 0:",
		}},
		"TestPassingOn",
		"group-ahead,input-shortened",
	},
	{
		"a changelog was created anew, and is empty: the state begins anew, too",
		[]change{{
			"internal/task", "if lost && counted && !f.Accept.Has(AcceptLostState) {", "if lost && counted && f.Accept == 0xff {",
		}},
		"TestSums",
		"changelog-anew",
	},
	{
		"durations by the wall clock: after it was set back nothing is committed",
		[]change{{
			"internal/worker", "return t.UnixMilli() + sim.WallSet(), t.Sub(began)",
			"_ = began\n\t\treturn t.UnixMilli() + sim.WallSet(), " +
				"time.Duration(t.UnixMilli()+sim.WallSet()) * time.Millisecond",
		}},
		"TestPassingOnAgain",
		"clock",
	},
	{
		"records behind an open transaction of an input: nobody says what is waited for",
		[]change{{"internal/worker", "\ts.checkHeldBack()\n", ""}},
		"TestPassingOn",
		"input-transaction",
	},
	{
		"an end of a transaction without an answer is taken for a commit",
		[]change{{
			"internal/worker", "if err := m.committing.Commit(ctx, m.client); err != nil {",
			"if err := m.committing.Commit(ctx, m.client); err != nil && ctx.Err() != nil {",
		}},
		"TestSums",
		"transaction-error,reply",
	},
	{
		"the database has a commit before Kafka has it",
		[]change{{
			"internal/worker", "\tif s.out.open && s.out.produced > 0 {\n",
			"\tif err := s.set.Committed(s.now()); err != nil {\n\t\treturn err\n\t}\n\tif s.out.open && s.out.produced > 0 {\n",
		}},
		"TestSums",
		"crash-within,crash-at,transaction-error",
	},
	{
		"stream time is not what it was before a restart",
		[]change{{"internal/task", "all[name] = max(all[name], at)", "_, _ = name, at"}},
		"TestMinutes",
		"crash,restart,workers",
	},
	{
		"at least once, a process that stood still writes to changelogs without asking whether it is a member",
		[]change{{"internal/worker", "\tif !s.config.ExactlyOnce {\n", "\tif false {\n"}},
		"TestSumsAgain",
		"freeze,slow-functions",
	},
}
