package cluster

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactions2 is the first version of produce requests of transaction version 2.
const transactions2 = 12

// delayMarkers has brokers refuse the first records of each transaction, once: several brokers do while the markers of
// the one before it are on their way (KIP-890), as the end of a transaction is answered before they are written.
func (s *simulation) delayMarkers() {
	ended := map[string]bool{} // transactions, by id; of the goroutine of the brokers
	s.fake.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.EndTxn, kmsg.Produce}, Err: kerr.ConcurrentTransactions, Count: -1,
		When: func(r kmsg.Request) (refused bool) {
			switch r := r.(type) {
			case *kmsg.EndTxnRequest:
				ended[r.TransactionalID] = true
			case *kmsg.ProduceRequest:
				if id := r.TransactionID; id != nil && r.Version >= transactions2 {
					refused, ended[*id] = ended[*id], false
				}
			}
			return refused
		},
	})
}
