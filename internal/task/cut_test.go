package task

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAChangelogThatIsCut is told by the offset of the last record of a commit, however long the log is by then.
func TestAChangelogThatIsCut(t *testing.T) {
	for _, cut := range []int64{0, 1, 2} {
		log := &oneLog{}
		o := log.own(t)
		o.count("k", 1)
		o.count("l", 1)
		o.commit()
		log.end -= cut
		o.count("k", 1)
		o.count("l", 1)
		o.count("m", 1)
		sent, _ := o.encode()
		log.land(sent)
		short := o.set.Short()
		if cut == 0 {
			require.Empty(t, short)
			continue
		}
		require.Len(t, short, 1)
		require.Equal(t, log.end, short[0].From)
		require.Equal(t, int64(5), short[0].To)
		var lost *LostStateError
		require.ErrorAs(t, short[0].Changelog.Lost(log.end, short[0].To), &lost)
		c := o.task.Changelogs()[0]
		_, _, err := c.judge(Facts{Changelogs: map[string]Log{c.Store: {End: 100}}}, false, true)
		require.ErrorAs(t, err, &lost, "however long the log is by then")
		remembered, err := o.task.databases[0].cut(c.Store)
		require.NoError(t, err)
		require.Equal(t, lost.Reason, remembered)
	}
}

// TestAChangelogThatEndsEarly is believed to after some looks: a new leader may not know yet what it has.
func TestAChangelogThatEndsEarly(t *testing.T) {
	log := &oneLog{}
	o := log.own(t)
	o.count("k", 3)
	o.commit()
	c := o.task.Changelogs()[0]
	require.NoError(t, c.Ends(log.end-1, c.From()))
	require.NoError(t, c.Ends(log.end-1, c.From()))
	require.NoError(t, c.Ends(log.end, c.From()), "it has it again")
	for range shortLooks - 1 {
		require.NoError(t, c.Ends(log.end-1, c.From()))
	}
	var lost *LostStateError
	require.ErrorAs(t, c.Ends(log.end-1, c.From()), &lost)
}

// TestTheEndOfAChangelogFromBeforeACommit is behind all that the task had written when it was asked for, however often
// a commit comes between.
func TestTheEndOfAChangelogFromBeforeACommit(t *testing.T) {
	log := &oneLog{}
	o := log.own(t)
	c := o.task.Changelogs()[0]
	for range 2 * shortLooks {
		end, written := log.end, c.From()
		o.count("k", 1)
		o.commit()
		require.Less(t, end, c.From())
		require.NoError(t, c.Ends(end, written))
	}
}
