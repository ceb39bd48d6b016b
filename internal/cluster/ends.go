package cluster

import (
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TransactionEnds counts the ends of transactions that a client has asked for and that were not answered, as a
// connection broke: the client asks again by itself. It is a hook of the client.
//
// Brokers may act on such a request later than on the one that was answered. Before transaction version 2 it is taken
// for the end of the transaction that is open then, under the same epoch (KAFKA-17754): a producer must have a new one.
type TransactionEnds struct{ unanswered atomic.Int64 }

// MayComeLate is true if one may be on its way. It is asked while none is awaited.
func (e *TransactionEnds) MayComeLate() bool { return e.unanswered.Load() > 0 }

// OnBrokerWrite is kgo.HookBrokerWrite.
func (e *TransactionEnds) OnBrokerWrite(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error) {
	if key == int16(kmsg.EndTxn) {
		e.unanswered.Add(1)
	}
}

// OnBrokerRead is kgo.HookBrokerRead.
func (e *TransactionEnds) OnBrokerRead(_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error) {
	if key == int16(kmsg.EndTxn) && err == nil {
		e.unanswered.Add(-1)
	}
}
