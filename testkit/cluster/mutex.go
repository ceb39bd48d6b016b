package cluster

// mutex is a lock behind which the time of a bubble goes on: who has it may wait for replies of brokers, with their
// pauses, while others wait for it. Behind a sync.Mutex time would stand still.
type mutex chan struct{}

func newMutex() mutex { return make(mutex, 1) }

// Lock takes the lock.
func (m mutex) Lock() { m <- struct{}{} }

// Unlock gives it back.
func (m mutex) Unlock() { <-m }
