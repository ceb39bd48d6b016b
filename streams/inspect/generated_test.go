package inspect

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

// generatedFrom is the application that the test below is for. With MENDED its topology takes the record.
const generatedFrom = `package main

import (
	"os"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/topology"
)

type payment struct{ Cents int }

func build() (*topology.Topology, error) {
	b := streams.NewBuilder("shop")
	if os.Getenv("MENDED") != "" {
		streams.From(b, streams.NewTopic("payments", serde.String, serde.String)).
			To(streams.NewTopic("paid", serde.String, serde.String))
		return b.Build()
	}
	streams.From(b, streams.NewTopic("payments", serde.String, serde.JSON[payment]())).
		To(streams.NewTopic("paid", serde.String, serde.JSON[payment]()))
	return b.Build()
}

func main() {}
`

// TestGeneratedTestRuns: the file compiles as it is beside the function that builds the topology, fails while the
// record does, and passes once it is taken.
func TestGeneratedTestRuns(t *testing.T) {
	f := streams.Failure{
		Topic: "payments", Partition: 1, Offset: 7, Partitions: 3, Cause: "decoding", Error: "no number",
		Record: &streams.FailedRecord{
			Key: []byte("c-7"), Value: []byte(`{"cents":"12,50"}`), Timestamp: 1764435600000,
			Headers: []streams.Header{{Key: "trace", Value: []byte{0xff}}},
		},
	}
	dir := t.TempDir()
	pkg, err := filepath.Abs("shown-in-a-test") // it is there for the compiler only
	require.NoError(t, err)
	replace := map[string]string{}
	for name, text := range map[string]string{"main.go": generatedFrom, "record_test.go": TestOf("shop", f)} {
		replace[filepath.Join(pkg, name)] = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600))
	binary := filepath.Join(dir, "record.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary,
		"./shown-in-a-test")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	out, err = exec.Command(binary).CombinedOutput()
	require.Error(t, err, "it passes though the record fails: %s", out)
	require.Contains(t, string(out), "the record still fails")
	require.Contains(t, string(out), "TestRecordPayments_1_7")
	mended := exec.Command(binary)
	mended.Env = append(os.Environ(), "MENDED=1")
	out, err = mended.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
