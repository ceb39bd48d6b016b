package sqlsink_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/sqlsink"
)

func ofTopic(id byte, b batch) batch {
	b.TopicID = [16]byte{id}
	return b
}

// TestAPlaceIsOneInATopic: offsets of a topic that was created anew, under the same name, mean other records.
func TestAPlaceIsOneInATopic(t *testing.T) {
	_, db := fresh(t)
	s := opened(t, db, config())
	claim(t, s, 0, 1)
	require.NoError(t, s.Write(t.Context(), []batch{ofTopic(1, of(0, 0, put("a", 1))), of(1, 0, put("b", 1))}))

	s = opened(t, db, config())
	require.Equal(t, map[partition]int64{at(0): 1, at(1): 1}, claim(t, s, 0, 1))
	require.NoError(t, s.Write(t.Context(), []batch{ofTopic(1, of(0, 1, put("a", 2)))}))
	require.NoError(t, s.Write(t.Context(), []batch{ofTopic(1, of(0, 1, put("a", 2)))}), "the answer was lost")
	var lost *connect.LostRecordsError
	require.ErrorAs(t, s.Write(t.Context(), []batch{ofTopic(2, of(0, 2, put("a", 9))), of(1, 1, put("b", 9))}), &lost)
	require.Equal(t, at(0), lost.Partition)
	require.ErrorContains(t, lost, "the topic was created anew")
	require.Equal(t, map[string]total{"a": {Cents: 2}, "b": {Cents: 1}}, rows(t, db))

	require.NoError(t, s.Write(t.Context(), []batch{of(0, 2, put("a", 3))}), "brokers that tell no id")
	require.NoError(t, s.Write(t.Context(), []batch{ofTopic(2, of(1, 1, put("b", 2)))}), "the place had none")
	s = opened(t, db, config())
	claim(t, s, 0, 1)
	require.ErrorAs(t, s.Write(t.Context(), []batch{ofTopic(2, of(0, 3, put("a", 9)))}), &lost)
	require.ErrorAs(t, s.Write(t.Context(), []batch{ofTopic(1, of(1, 2, put("b", 9)))}), &lost)

	exec(t, db, "delete from millstream_places") // to write it anew
	s = opened(t, db, config())
	require.Empty(t, claim(t, s, 0, 1))
	require.NoError(t, s.Write(t.Context(), []batch{ofTopic(2, of(0, 0, put("a", 4)))}))
	require.Equal(t, map[string]total{"a": {Cents: 4}, "b": {Cents: 2}}, rows(t, db))
}

// TestPlacesOfAnEarlierVersion lack the column for the topic's id. Who may not add it is told how to.
func TestPlacesOfAnEarlierVersion(t *testing.T) {
	pg, db := fresh(t)
	exec(t, db, "create table millstream_places (sink text not null, topic text not null, partition integer not null, "+
		"epoch bigint not null, next bigint, primary key (sink, topic, partition))")
	exec(t, db, "insert into millstream_places values ('totals', 't', 0, 3, 7)")
	exec(t, db, "create role writer login")
	exec(t, db, "grant select, insert, update on millstream_places, totals to writer")
	var unfit *connect.SetupError
	limited := open(t, strings.Replace(pg.URL, "postgres@", "writer@", 1))
	require.ErrorAs(t, sqlsink.New(limited, config()).Open(t.Context()), &unfit)
	require.ErrorContains(t, unfit, "ALTER TABLE millstream_places ADD COLUMN topic_id text: pq: must be owner of table")

	s := opened(t, db, config())
	require.Equal(t, map[partition]int64{at(0): 7}, claim(t, s, 0))
	require.NoError(t, s.Write(t.Context(), []batch{ofTopic(1, of(0, 7, put("a", 1)))}))
	opened(t, limited, config())
	var id string
	require.NoError(t, db.QueryRow("select topic_id from millstream_places where sink = 'totals'").Scan(&id))
	require.Equal(t, "AQAAAAAAAAAAAAAAAAAAAA", id)
}
