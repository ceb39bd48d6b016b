package cluster

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Purge deletes what lies before offsets of repartition topics. Where the right to do so is missing, that is told once.
func (c *Cluster) Purge(processed kadm.Offsets) error {
	responses, err := c.admin.DeleteRecords(c.client.Context(), processed)
	if err == nil {
		err = refusedPurge(responses)
	}
	if errors.Is(err, kerr.TopicAuthorizationFailed) {
		c.warnUnpurged(err)
		return nil
	}
	return err
}

// refusedPurge is the first error of the partitions.
func refusedPurge(responses kadm.DeleteRecordsResponses) (err error) {
	responses.Each(func(r kadm.DeleteRecordsResponse) {
		if err == nil && r.Err != nil {
			err = NameRight("Delete", "topic", r.Topic, r.Err)
		}
	})
	return err
}
