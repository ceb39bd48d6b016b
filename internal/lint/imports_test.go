package lint

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// levels: a package imports only packages of lower levels. Those of level 0 import none of the project's.
var levels = map[string]int{
	"internal/assign": 0, "internal/eventtime": 0, "internal/invariants": 0, "internal/kafkatest": 0, "internal/store": 0,
	"internal/plants": 0, "internal/snapshot": 0, "internal/settings": 1, "internal/shop": 0, "internal/sim": 0,
	"internal/spelling": 0,
	"serde":             1, "internal/store/storetest": 1, "internal/servicetest": 1,
	"internal/windows": 1,
	"window":           2, "internal/steady": 2,
	"serde/avro": 2, "serde/jsonschema": 2, "serde/protobuf": 2,
	"serde/registry": 4, "internal/rows": 3,
	"internal/storage":  4,
	"state":             5,
	"state/statetest":   6,
	"internal/graph":    6,
	"topology":          7,
	"internal/wire":     7,
	"internal/operator": 8, "internal/task": 8,
	"internal/calls": 9, "internal/cluster": 9, "internal/worker": 10, "internal/rescale": 10,
	"streams":         11,
	"streams/connect": 12, "streams/connect/debezium": 12,
	"streams/connect/debezium/avrochange": 13, "streams/connect/files": 13, "streams/connect/outbox": 13, "streams/connect/searchsink": 13, "streams/connect/sqlsink": 13,
	"streams/rescale": 12,
	"streams/inspect": 12, "streams/metrics/prometheus": 12,
	"testkit": 12, "testkit/broker": 12,
	"testkit/cluster": 13, "internal/monitoring": 13,
	"internal/bench": 13, "internal/conformance": 13, "internal/costs": 13, "examples/internal/demo": 13,
	"cmd/millstream": 13, "examples": 14, "internal/conformance/run": 14, "internal/metamorphic": 14, "internal/takeover": 13,
}

func TestImportsPointDown(t *testing.T) {
	unused := maps.Clone(levels)
	for _, s := range sources(t) {
		delete(unused, s.dir)
		level, known := levels[s.dir]
		assert.True(t, known, "%s: package %s has no level yet", s.path, s.dir)
		for _, path := range s.imports() {
			own, ours := strings.CutPrefix(path, module+"/")
			if !ours {
				continue
			}
			below, known := levels[own]
			assert.True(t, known, "%s imports %s, which has no level", s.path, own)
			assert.Less(t, below, level, "%s imports %s, which is not below it", s.path, own)
		}
	}
	assert.Empty(t, unused, "these packages are no more")
}

const kafka = "github.com/twmb/franz-go"

// owners are the only packages that import a library. Of several that fit an import, the longest counts.
var owners = map[string][]string{
	"github.com/alecthomas/kong":            {"cmd/millstream"},
	"github.com/bufbuild/protocompile":      {"serde/protobuf"},
	"github.com/prometheus":                 {"examples", "streams/metrics/prometheus"},
	"github.com/cockroachdb/pebble":         {"internal/store"},
	"github.com/santhosh-tekuri/jsonschema": {"serde/jsonschema"},
	"github.com/stretchr/testify":           {"internal/store/storetest", "state/statetest"},
	"github.com/tidwall/btree":              {"internal/store", "internal/rows"},
	"github.com/vmihailenco/msgpack":        {"serde"},
	"github.com/twmb/avro":                  {"serde/avro"},
	"golang.org/x/sync":                     {"examples", "streams"},
	"google.golang.org/protobuf":            {"internal/shop", "serde/protobuf"},
	"github.com/twmb/murmur3":               {"internal/wire"},
	"pgregory.net/rapid":                    {"internal/store/storetest", "state/statetest"},

	kafka: {
		"cmd/millstream", "examples/internal/demo", "internal/bench", "internal/cluster", "internal/kafkatest", "internal/settings",
		"internal/rescale", "internal/worker", "streams/connect", "testkit/broker", "testkit/cluster",
	},
	// An application's Config passes options of the client through; see TestStreamsMakesNoClient.
	kafka + "/pkg/kgo": {
		"cmd/millstream", "examples/internal/demo", "internal/bench", "internal/cluster", "internal/kafkatest", "internal/settings",
		"internal/rescale", "internal/worker", "streams", "streams/connect", "streams/rescale", "testkit", "testkit/broker",
		"testkit/cluster",
	},
	kafka + "/pkg/kfake":    {"testkit/broker", "testkit/cluster"},
	kafka + "/pkg/sr":       {"examples/internal/demo", "serde/registry"},
	kafka + "/plugin/kslog": {"streams"},
}

func TestOneOwnerPerLibrary(t *testing.T) {
	used := map[string][]string{}
	for _, s := range sources(t) {
		for _, path := range s.imports() {
			first, _, _ := strings.Cut(path, "/")
			if !strings.Contains(first, ".") || strings.HasPrefix(path, module) {
				continue // the standard library, the project
			}
			library := ""
			for prefix := range maps.Keys(owners) {
				if strings.HasPrefix(path, prefix) && len(prefix) > len(library) {
					library = prefix
				}
			}
			assert.NotEmpty(t, library, "%s imports %s, which nobody owns yet", s.path, path)
			assert.True(t, slices.Contains(owners[library], s.dir), "%s imports %s, which is not its own", s.path, path)
			used[library] = append(used[library], s.dir)
		}
	}
	for library, dirs := range owners {
		assert.Subset(t, used[library], dirs, "not all owners of %s import it", library)
	}
}

// TestDriverNeedsNoBroker: who tests with the driver alone does not compile a broker.
func TestDriverNeedsNoBroker(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"/testkit").Output()
	require.NoError(t, err)
	require.Contains(t, string(out), kafka+"/pkg/kgo")
	require.NotContains(t, string(out), "kfake")
}

// TestStreamsMakesNoClient: package streams says how clients are to be made, internal/worker makes and uses them.
func TestStreamsMakesNoClient(t *testing.T) {
	options := []string{
		"BrokerMetadata", "ClientID", "Metric", "MetricTypeGauge", "MetricTypeSum", "Opt", "SeedBrokers", "UserMetricsFn",
		"WithHooks", "WithLogger",
	}
	for _, s := range sources(t) {
		if s.dir != "streams" {
			continue
		}
		for name, n := range selectors(s, kafka+"/pkg/kgo") {
			assert.True(t, slices.Contains(options, name), "kgo.%s in streams: %s", name, s.position(n))
		}
	}
}
