package rescale

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// maxMessage is how large a plan, and a row that is copied, may be.
const maxMessage = 16 << 20

// journal has the plan of an application in a topic: its last record counts.
type journal struct {
	connect Connect
	admin   *kadm.Client
	topic   string
}

func journalOf(app string) string { return app + "-rescale" }

// read is the plan of a change that is under way, nil if there is none.
func (j journal) read(ctx context.Context) (*Plan, error) {
	found, err := partitionsOf(ctx, j.admin, j.topic)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	at := map[string]map[int32]span{}
	if _, err := listed(ctx, j.admin, []string{j.topic}, at); err != nil {
		return nil, err
	}
	var last []byte
	err = j.connect.scan(ctx, j.topic, at[j.topic], func(r *kgo.Record) error {
		last = r.Value
		return nil
	})
	if err != nil || last == nil {
		return nil, err
	}
	p := &Plan{}
	if err := json.Unmarshal(last, p); err != nil {
		return nil, fmt.Errorf("topic %s has no plan of a change of partitions: %w", j.topic, err)
	}
	return p, nil
}

// create makes the topic.
func (j journal) create(ctx context.Context, copies int16) error {
	policy, size := "compact", fmt.Sprint(maxMessage)
	return recreate(ctx, j.admin, j.topic, 1, copies, map[string]*string{
		"cleanup.policy": &policy, "max.message.bytes": &size,
	})
}

// write makes a plan the one that is gone on with.
func (j journal) write(ctx context.Context, p *Plan) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	w, err := j.connect.write(ctx, maxMessage)
	if err != nil {
		return err
	}
	err = w.put(&kgo.Record{Topic: j.topic, Key: []byte("plan"), Value: text})
	if closed := w.close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("write the plan to %s: %w", j.topic, err)
	}
	return nil
}
