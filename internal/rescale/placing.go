package rescale

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/storage"
	"github.com/millstream-go/millstream/internal/wire"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/topology"
)

// Mapping is the partition, of so many, in which a row is to be: what a custom partitioner, or a processor with keys of
// its own, decides. key and value are the bytes of the changelog, or of the repartition topic, value nil where there is
// none.
type Mapping func(key, value []byte, partitions int32) (int32, error)

// placing knows in which partition a row, or a record, of a topic belongs.
type placing struct {
	topic     string
	kind      state.Kind // empty: a topic of records
	suffix    int        // bytes at the end of a record's key that take no part
	combined  bool       // keys are those of foreign-key subscriptions
	answersTo string     // values are subscriptions, whose answers go to this topic
	mapping   Mapping
	known     bool // rows certainly have the keys of their records
}

// The formats of the rows of a foreign-key join.
var (
	combinedFormat     = formatOf(wire.CombinedSerde)
	subscriptionFormat = formatOf(wire.SubscriptionSerde)
)

func formatOf(s any) string {
	if f, ok := s.(interface{ Format() string }); ok {
		return f.Format()
	}
	return ""
}

// placingOf is that of a changelog.
func placingOf(app string, s topology.StoreLock, mapping Mapping) placing {
	key, value := serdesIn(s.Format)
	p := placing{
		topic: s.Changelog, kind: state.Kind(s.Kind), suffix: suffixOf(key), mapping: mapping,
		combined: key == combinedFormat, known: s.Windows != "" || key == combinedFormat,
	}
	if value == subscriptionFormat {
		p.answersTo = app + "-" + strings.TrimSuffix(s.Name, "-subscription-store") + "-subscription-response-topic"
	}
	return p
}

// placingOfRecords is that of a repartition topic, or of an input.
func placingOfRecords(app, topic, key, value string, mapping Mapping) placing {
	p := placing{topic: topic, suffix: suffixOf(key), mapping: mapping, known: true}
	if value == subscriptionFormat {
		name := strings.TrimSuffix(strings.TrimPrefix(topic, app+"-"), "-subscription-registration-topic")
		p.answersTo = app + "-" + name + "-subscription-response-topic"
	}
	return p
}

// serdesIn are the formats of keys and values in that of a store: window(string,json).
func serdesIn(format string) (key, value string) {
	_, rest, _ := strings.Cut(format, "(")
	rest = strings.TrimSuffix(rest, ")")
	depth := 0
	for i, c := range rest {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			return rest[:i], rest[i+1:]
		}
	}
	return rest, ""
}

// suffixOf is how many bytes at the end of keys of a format take no part in partitioning: those of windows and
// sessions, see serde HashSuffix.
func suffixOf(format string) int {
	switch {
	case strings.HasPrefix(format, "windowed("):
		return 8
	case strings.HasPrefix(format, "session("):
		return 16
	}
	return 0
}

var errShortKey = errors.New("its key is too short for what the store is said to hold")

// key is the key of the record that a row is of, as far as it takes part in partitioning; nil if it has none.
func (p *placing) key(r row) (key []byte, err error) {
	key = r.key
	switch p.kind {
	case storage.KindWindow, storage.KindBuffer:
		key, _, _, err = wire.SplitChangelogKey(key)
	case storage.KindSession:
		key, _, _, err = wire.SplitSessionKey(key)
	case storage.KindUnmatched:
		_, _, key, err = wire.SplitSharedKey(key)
	case storage.KindInFlight:
		return nil, fmt.Errorf("a record waits for the answer of a slow call")
	}
	if err == nil && p.combined {
		var c wire.Combined
		c, err = wire.CombinedSerde.Decode(key)
		if key = c.Foreign; key == nil {
			key = []byte{}
		}
	}
	if err != nil || key == nil {
		return nil, err
	}
	if len(key) < p.suffix {
		return nil, errShortKey
	}
	return key[:len(key)-p.suffix], nil
}

// partition is where a row belongs. A record without a key stays in a partition of its old one's rest.
func (p *placing) partition(r row, partitions int32) (int32, error) {
	if p.mapping != nil {
		at, err := p.mapping(r.key, r.value, partitions)
		if err == nil && (at < 0 || at >= partitions) {
			err = fmt.Errorf("the mapping gives partition %d of %d", at, partitions)
		}
		return at, err
	}
	key, err := p.key(r)
	if err != nil {
		return -1, err
	}
	if key == nil {
		return r.partition % partitions, nil
	}
	return cluster.PartitionOf(key, partitions), nil
}

// placed is the row as it is in a layout, in which the topic of the answers has so many partitions; 0: as Kafka Streams
// before 3.4, which the digest goes by.
func (p *placing) placed(r row, answers int32) (row, error) {
	if p.answersTo == "" || r.value == nil {
		return r, nil
	}
	s, err := wire.SubscriptionSerde.Decode(r.value)
	if err != nil {
		return r, err
	}
	if s.PrimaryPartition == wire.UnknownPartition {
		return r, nil
	}
	s.PrimaryPartition = wire.UnknownPartition
	if answers > 0 {
		s.PrimaryPartition = cluster.PartitionOf(bytes.Clone(s.PrimaryKey), answers)
	}
	r.value, err = wire.SubscriptionSerde.Append(nil, s)
	return r, err
}

// canonical is the row as digests see it: without what depends on the layout.
func (p *placing) canonical(r row) (row, error) {
	r, err := p.placed(r, 0)
	r.partition = 0
	return r, err
}
