import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.opensearch.common.settings.Settings;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.transport.Netty4Plugin;

/** An OpenSearch node within this process, until it is killed: home directory, HTTP port, transport port. */
public class SingleNode extends Node {
    SingleNode(Settings settings) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "single"),
            List.of(Netty4Plugin.class), false);
    }

    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]).toAbsolutePath();
        new SingleNode(Settings.builder()
            .put("path.home", home).put("path.data", home.resolve("data")).put("path.logs", home.resolve("logs"))
            .put("cluster.name", "single").put("node.name", "single").put("discovery.type", "single-node")
            .put("network.host", "127.0.0.1").put("http.port", args[1]).put("transport.port", args[2])
            .put("transport.type", "netty4").put("http.type", "netty4")
            .put("node.store.allow_mmap", false)
            .put("cluster.routing.allocation.disk.threshold_enabled", false)
            .put("action.auto_create_index", false)
            .build()).start();
        Thread.currentThread().join();
    }
}
