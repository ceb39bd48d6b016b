package docs

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.yaml.in/yaml/v3"

	"github.com/millstream-go/millstream/streams"
)

// compressed are the settings of the page on the client.
func compressed(config streams.Config) streams.Config {
	config.Kafka = append(config.Kafka,
		kgo.ProducerBatchCompression(kgo.ZstdCompression()),
		kgo.ProducerLinger(5*time.Millisecond),
		kgo.Rack("zone-a"),
	)
	return config
}

func TestClientOptions(t *testing.T) {
	topo, err := running()
	require.NoError(t, err)
	_, err = streams.New(topo, compressed(streams.Config{StateDir: t.TempDir()}))
	require.NoError(t, err)
}

// manifest is what the test looks at of a document of Kubernetes.
type manifest struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Template struct {
			Spec struct {
				TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
				Containers                    []struct {
					Env []struct{ Name, Value string }
				}
			}
		}
	}
}

// TestManifest: it is sound YAML, and its variables are settings of the application.
func TestManifest(t *testing.T) {
	text, err := os.ReadFile("../../docs/production/service.yaml")
	require.NoError(t, err)
	var kinds []string
	documents := yaml.NewDecoder(bytes.NewReader(text))
	for {
		var m manifest
		if documents.Decode(&m) != nil {
			break
		}
		kinds = append(kinds, m.Kind)
		for _, c := range m.Spec.Template.Spec.Containers {
			for _, e := range c.Env {
				if strings.HasPrefix(e.Name, "SHOP_") {
					t.Setenv(e.Name, e.Value)
				}
			}
			t.Setenv("SHOP_SASL_PASSWORD", "of the secret")
		}
		if m.Kind == "StatefulSet" {
			grace := time.Duration(m.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
			require.Greater(t, grace, 30*time.Second, "the default of Config.ShutdownTimeout")
		}
	}
	require.Equal(t, []string{"Service", "PodDisruptionBudget", "StatefulSet"}, kinds)
	config, err := streams.FromEnv("SHOP_")
	require.NoError(t, err)
	require.Equal(t, "/state", config.StateDir)
	require.Equal(t, 2, config.Workers)
	require.Len(t, config.Brokers, 2)
}
