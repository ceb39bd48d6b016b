package debezium_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams/connect/debezium"
)

// TestIntervalsBeyondADuration: one of 300 years would become a negative one.
func TestIntervalsBeyondADuration(t *testing.T) {
	type row struct {
		D time.Duration `debezium:"d,micros"`
	}
	rows := debezium.JSONRow[row]()
	v, err := rows.Decode([]byte(`{"d":9223372036854775}`))
	require.NoError(t, err)
	require.Equal(t, 9223372036854775*time.Microsecond, v.D)
	v, err = rows.Decode([]byte(`{"d":-9223372036854775}`))
	require.NoError(t, err)
	require.Equal(t, -9223372036854775*time.Microsecond, v.D)
	for _, text := range []string{`{"d":9460800000000000}`, `{"d":-9460800000000000}`, `{"d":9223372036854776}`} {
		_, err = rows.Decode([]byte(text))
		require.ErrorContains(t, err, "292 years", text)
	}
}

// TestScalesWithoutMeaning: a few bytes must not become a text of gigabytes.
func TestScalesWithoutMeaning(t *testing.T) {
	type row struct {
		D debezium.Decimal `debezium:"d"`
	}
	for _, scale := range []string{"2000000000", "-2000000000", "9223372036854775807", "-9223372036854775808"} {
		_, err := debezium.JSONRow[row]().Decode([]byte(`{"d":{"scale":` + scale + `,"value":"AQ=="}}`))
		require.ErrorContains(t, err, "its scale is "+scale)
		_, err = debezium.JSONRow[row]().Decode([]byte(`{"schema":{"type":"struct","fields":[{"type":"bytes","field":"d",` +
			`"name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"` + scale + `"}}]},"payload":{"d":"AQ=="}}`))
		require.ErrorContains(t, err, "its scale is "+scale)
	}
}
