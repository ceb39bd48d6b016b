import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaDeserializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaSerializer;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.Conversions;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Writes a value as Apicurio's serializers do with the header of Confluent's, and reads one, by a registry.
 *
 * <p>Interop REGISTRY avro|json TOPIC write; Interop REGISTRY avro|json TOPIC read HEX
 */
public class Interop {
  static final Schema ORDER = new Schema.Parser().parse("""
      {"type":"record","name":"Order","namespace":"shop","fields":[
        {"name":"id","type":"string"},
        {"name":"cents","type":"int"},
        {"name":"total","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
        {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"note","type":["null","string"],"default":null},
        {"name":"tags","type":{"type":"map","values":"long"}},
        {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
          {"name":"name","type":"string"},{"name":"kind","type":{"type":"enum","name":"Kind","symbols":["CUP","PLATE"]}}]}}}
      ]}""");

  public record Json(String id, int cents, List<String> tags) {}

  public static void main(String[] args) {
    boolean avro = args[1].equals("avro");
    if (args[3].equals("write")) {
      System.out.println(HexFormat.of().formatHex(avro ? write(new AvroKafkaSerializer<>(), args, order())
          : write(new JsonSchemaKafkaSerializer<>(), args, new Json("j-1", 1999, List.of("a", "b")))));
    } else {
      System.out.println((Object) (avro ? read(new AvroKafkaDeserializer<>(), args)
          : read(new JsonSchemaKafkaDeserializer<Json>(), args)));
    }
  }

  static GenericRecord order() {
    Schema lines = ORDER.getField("lines").schema();
    GenericRecord line = new GenericData.Record(lines.getElementType());
    line.put("name", "cup");
    line.put("kind", new GenericData.EnumSymbol(line.getSchema().getField("kind").schema(), "CUP"));
    Schema total = ORDER.getField("total").schema();
    ByteBuffer bytes = new Conversions.DecimalConversion().toBytes(new BigDecimal("-19.99"), total, total.getLogicalType());
    GenericRecord order = new GenericData.Record(ORDER);
    order.put("id", "o-1");
    order.put("cents", 1999);
    order.put("total", bytes);
    order.put("at", 1_777_777_777_777L);
    order.put("note", "ring twice");
    order.put("tags", Map.of("a", 1L, "b", -2L));
    order.put("lines", new GenericData.Array<>(lines, List.of(line)));
    return order;
  }

  static <T> byte[] write(Serializer<T> serializer, String[] args, T value) {
    serializer.configure(config(args), false);
    return serializer.serialize(args[2], value);
  }

  static <T> T read(Deserializer<T> deserializer, String[] args) {
    deserializer.configure(config(args), false);
    return deserializer.deserialize(args[2], HexFormat.of().parseHex(args[4]));
  }

  static Map<String, Object> config(String[] args) {
    Map<String, Object> config = new HashMap<>();
    config.put("apicurio.registry.url", args[0]);
    // A schema of JSON is not made of a class: it must be there.
    config.put("apicurio.registry.auto-register", args[1].equals("avro"));
    config.put("apicurio.registry.find-latest", args[1].equals("json"));
    config.put("apicurio.registry.deserializer.value.return-class", Json.class);
    config.put("apicurio.registry.headers.enabled", false);
    config.put("apicurio.registry.id-handler", "io.apicurio.registry.serde.Legacy4ByteIdHandler");
    config.put("apicurio.registry.use-id", "contentId");
    config.put("apicurio.registry.artifact-resolver-strategy", "io.apicurio.registry.serde.strategy.TopicIdStrategy");
    return config;
  }
}
