package worker

import (
	"errors"
	"io/fs"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/millstream-go/millstream/internal/cluster"
	"github.com/millstream-go/millstream/internal/graph"
	"github.com/millstream-go/millstream/internal/store"
	"github.com/millstream-go/millstream/internal/task"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
)

// class is what an error means for the worker.
type class int

const (
	again  class = iota // begin again from the last commit: what Kafka answers will change
	fenced              // the same; another member or an older transaction got in the way
	full                // the same, once there is space on the disk
	fatal               // the application must stop: beginning again would end the same way
)

func (c class) String() string { return [...]string{"again", "fenced", "full", "fatal"}[c] }

// ErrFenced means that another process uses this one's identity. It comes from copying a state directory: remove the
// file process-id from the copy.
var ErrFenced = errors.New("worker: another process uses the identity of this state directory: " +
	"remove the file process-id from the copy")

// classify is the one place that decides what an error means.
func classify(err error) class {
	var process *task.ProcessError
	var format *task.ErrStateFormat
	var changelog *task.ChangelogError
	var grown *cluster.GrownTopicError
	var missing *cluster.MissingSinkError
	var offset *cluster.NoOffsetError
	var ambiguous *graph.AmbiguousTopicError
	var counts *graph.CopartitionError
	var unavailable *graph.UnavailableError
	var panicked *task.PanicError
	var settings *cluster.SettingsError
	var lostOffsets *task.LostOffsetsError
	var lostInput *task.LostInputError
	var lostState *task.LostStateError
	switch {
	case errors.As(err, &unavailable):
		// The record waits for an answer that the cluster did not give.
		return classify(unavailable.Err)
	case errors.Is(err, store.ErrCorrupt), errors.Is(err, serde.ErrStopped):
		// The damaged database has been set aside, or will be when it is opened again; the changelog has its rows.
		return again
	case errors.Is(err, store.ErrDisk) && isDiskFull(err):
		// Also where a record met it: the database is as it was at the last commit, and Kafka has what is missing.
		return full
	case errors.Is(err, store.ErrDisk) && errors.Is(err, fs.ErrNotExist):
		// Somebody has removed the state directory under the process: it is made and restored anew.
		return again
	case errors.Is(err, state.ErrChangedInPlace):
		// The code must change first.
		return fatal
	case errors.As(err, &process), errors.As(err, &format), cluster.IsTopicError(err), errors.As(err, &grown),
		errors.As(err, &offset), errors.As(err, &ambiguous), errors.As(err, &counts), errors.As(err, &changelog),
		errors.As(err, &lostOffsets), errors.As(err, &lostInput), errors.As(err, &lostState), errors.As(err, &missing),
		isRescaling(err), errors.As(err, &settings), errors.As(err, &panicked) && !errors.Is(err, state.ErrEncode):
		// The record, the code, the topology or the cluster must change first.
		return fatal
	case errors.Is(err, ErrFenced), errors.Is(err, kerr.FencedInstanceID):
		// Two processes with one identity would fence each other for ever.
		return fatal
	case errors.Is(err, kerr.MessageTooLarge), errors.Is(err, kerr.RecordListTooLarge), errors.Is(err, kerr.InvalidRecord),
		errors.Is(err, kerr.InvalidTopicException), errors.Is(err, kerr.InvalidTimestamp):
		// The same record would be refused again.
		return fatal
	case errors.Is(err, kerr.TopicAuthorizationFailed), errors.Is(err, kerr.GroupAuthorizationFailed),
		errors.Is(err, kerr.TransactionalIDAuthorizationFailed), errors.Is(err, kerr.ClusterAuthorizationFailed),
		errors.Is(err, kerr.SaslAuthenticationFailed):
		// Someone has to grant the right.
		return fatal
	case errors.Is(err, kerr.InvalidSessionTimeout), errors.Is(err, kerr.InvalidTransactionTimeout),
		errors.Is(err, kerr.OffsetMetadataTooLarge):
		// The settings must fit what the brokers allow.
		return fatal
	case errors.Is(err, kerr.InconsistentGroupProtocol):
		// The group belongs to another kind of client, Kafka Streams for example; see lessons.awaitsOthers.
		return fatal
	case errors.Is(err, kerr.ProducerFenced), errors.Is(err, kerr.InvalidProducerEpoch),
		errors.Is(err, kerr.IllegalGeneration), errors.Is(err, kerr.UnknownMemberID),
		errors.Is(err, kerr.RebalanceInProgress), errors.Is(err, kerr.InvalidTxnState),
		errors.Is(err, kerr.TransactionAbortable), errors.Is(err, kerr.InvalidProducerIDMapping):
		// The group or the transaction coordinator went on without this worker: it was silent for too long.
		return fenced
	case isDiskError(err):
		// A disk that is broken or read-only: nothing of the commit is lost, as Kafka has it, but no further one can be
		// kept here.
		return fatal
	}
	// Brokers that are away, time-outs, coordinators that move: all of that passes.
	return again
}

// isRescaling is true where nobody may start until a change of partitions is done.
func isRescaling(err error) bool {
	var rescaling *cluster.RescalingError
	return errors.As(err, &rescaling)
}
