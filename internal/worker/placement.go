package worker

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
)

// checkPlacement reports a topic of which a record is not in the partition that the default partitioner chooses for its
// key, once. Kafka Streams does not notice; yet where such a topic is joined with one that is partitioned by default,
// results are missing. One record of each fetch is looked at.
func (s *session) checkPlacement(p kgo.FetchTopicPartition) {
	if s.worker.misplaced[p.Topic] || len(p.Records) == 0 {
		return
	}
	first := p.Records[0]
	suffix, ok := s.layout.Keyed[p.Topic]
	if !ok || first.Key == nil || first.Attrs.IsControl() {
		return
	}
	var sample kgo.Record
	cluster.NewRecord(&sample, &graph.Output{Key: first.Key, Partition: graph.ByKey, HashSuffix: suffix})
	n := s.layout.Partitions.Topics[p.Topic]
	belongs := cluster.Partitioner().ForTopic(p.Topic).Partition(&sample, int(n))
	if belongs == int(p.Partition) {
		return
	}
	s.worker.misplaced[p.Topic] = true
	s.config.Logger.Warn("a record is not where the default partitioner (murmur2 of the key) puts it: what is joined or "+
		"grouped with it must be partitioned in the same way; if it is not, or if the topic was enlarged, put a "+
		"Repartition step downstream of the source", "topic", p.Topic, "partition", p.Partition, "offset", first.Offset,
		"belongs_to", belongs)
}
