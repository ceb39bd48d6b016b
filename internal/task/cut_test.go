package task

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/graph"
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

// TestLeadersOfAChangelog are entered as far as they are known, and the next owner of the directory knows them.
func TestLeadersOfAChangelog(t *testing.T) {
	log := &oneLog{}
	o := log.own(t)
	c := o.task.Changelogs()[0]
	known := func(want Led) {
		t.Helper()
		led, is := c.Led()
		require.Equal(t, want != Led{}, is)
		require.Equal(t, want, led)
		stored, err := o.task.databases[0].led(c.Store)
		require.NoError(t, err)
		require.Equal(t, want, stored)
	}
	require.NoError(t, c.LedTo(0, 3, 0)())
	known(Led{}) // a log without a record has lost none
	o.count("k", 1)
	o.count("l", 1)
	o.commit()
	known(Led{})
	require.NoError(t, c.LedTo(2, -1, c.From())())
	require.NoError(t, c.LedTo(1, 3, c.From())())
	known(Led{}) // of brokers that do not tell, and of one that does not know the end yet
	require.NoError(t, c.LedTo(5, 3, c.From())())
	known(Led{2, 3}) // what others have written behind is none of the rows
	at := c.From()
	o.count("k", 1)
	o.commit()
	require.NoError(t, c.LedTo(5, 4, at)())
	known(Led{2, 4}) // as of before the commit
	require.NoError(t, c.LedTo(5, 4, c.From())())
	known(Led{3, 4})
	require.NoError(t, c.Restore([]graph.Raw{{Key: []byte("m"), Offset: 3, Control: true, Epoch: 6}}, 4))
	known(Led{4, 6}) // which a marker tells, too
	require.NoError(t, c.Restore([]graph.Raw{{Key: []byte("m"), Offset: 4, Control: true, Epoch: -1}}, 5))
	known(Led{4, 6})
	c.place.Offset = 3 // a directory of which the machine has lost the end
	_, is := c.Led()
	require.False(t, is)
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
