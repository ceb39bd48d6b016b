package worker

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// joining is true while the session's client has asked to join the group and has no answer. It is a hook of the client.
//
// A process whose network stood still, and which the group gave up, joins anew by itself. From the moment at which the
// coordinator has that request, it takes whoever uses the former member's id for a process that was replaced: this one,
// until it has the answer, which may be late, or lost.
type joining struct{ atomic.Bool }

// OnBrokerWrite is kgo.HookBrokerWrite.
func (j *joining) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.JoinGroup) {
		j.Store(true)
	}
}

// OnBrokerRead is kgo.HookBrokerRead.
func (j *joining) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.JoinGroup) && err == nil {
		j.Store(false)
	}
}
