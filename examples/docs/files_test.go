package docs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/files"
	"github.com/millstream-go/millstream/testkit/broker"
)

var Accesses = streams.NewTopic("accesses", serde.String, serde.String)

func accessLog(ctx context.Context, brokers []string) error {
	source := files.New(files.Config[string, string]{
		Paths: []string{"/var/log/shop/access.log"},
		Record: func(line files.Line) (streams.Record[string, string], bool) {
			host, rest, ok := strings.Cut(string(line.Text), " ")
			return streams.NewRecord(host, rest, time.Now().UnixMilli()), ok // false leaves the line out
		},
	})
	runner, err := connect.NewSource(Accesses, source, connect.SourceConfig{Brokers: brokers, Name: "access-log"})
	if err != nil {
		return err
	}
	return runner.Run(ctx)
}

func TestAccessLog(t *testing.T) {
	b := broker.New(t)
	require.NoError(t, b.CreateTopics(t.Context(), 1, Accesses))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	require.NoError(t, accessLog(ctx, b.Addrs()), "a file that is not there is waited for")
}
