// A Java client of the same topics: Apache's kafka-clients and Avro, and the framing done by hand.
//
//     Client.java read  TOPIC            all records of the topic, as JSON lines
//     Client.java write TOPIC SUBJECT    JSON lines from standard input, as records; where each went, as JSON lines
//
// The servers are in KAFKA_BOOTSTRAP_SERVERS and SCHEMA_REGISTRY_URL. Each line that is read is {"key", "value"}. What is
// read is decoded to Avro's generic records and encoded again: "hex" is the value of that, to be compared byte by byte.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public class Client {
  static final ObjectMapper JSON = new ObjectMapper();
  static final HttpClient HTTP = HttpClient.newHttpClient();
  static final String REGISTRY = System.getenv("SCHEMA_REGISTRY_URL");
  static final Duration PATIENCE = Duration.ofSeconds(30);

  record Registered(int id, Schema schema) {}

  static JsonNode get(String path) throws Exception {
    HttpRequest request = HttpRequest.newBuilder(URI.create(REGISTRY + path)).timeout(PATIENCE).build();
    HttpResponse<String> answer = HTTP.send(request, HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) throw new IOException(path + ": " + answer.statusCode() + " " + answer.body());
    return JSON.readTree(answer.body());
  }

  // The types that a schema refers to come first, as the registry's own parser has it.
  static Schema schema(JsonNode found, Schema.Parser parser) throws Exception {
    for (JsonNode reference : found.path("references")) {
      String path = "/subjects/" + reference.get("subject").asText() + "/versions/" + reference.get("version").asInt();
      schema(get(path), parser);
    }
    return parser.parse(found.get("schema").asText());
  }

  static Properties properties() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", System.getenv("KAFKA_BOOTSTRAP_SERVERS"));
    return properties;
  }

  static void read(String topic) throws Exception {
    Map<Integer, Schema> schemas = new HashMap<>();
    StringBuilder out = new StringBuilder();
    try (var consumer = new KafkaConsumer<>(properties(), new StringDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> all = new ArrayList<>();
      consumer.partitionsFor(topic).forEach(p -> all.add(new TopicPartition(topic, p.partition())));
      consumer.assign(all);
      consumer.seekToBeginning(all);
      Map<TopicPartition, Long> left = new HashMap<>(consumer.endOffsets(all));
      left.values().removeIf(end -> end == 0);
      Instant last = Instant.now();
      while (!left.isEmpty()) {
        for (ConsumerRecord<String, byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          last = Instant.now();
          ByteBuffer value = ByteBuffer.wrap(record.value());
          if (value.get() != 0) throw new IOException("not framed at " + record.offset());
          int id = value.getInt();
          if (!schemas.containsKey(id)) schemas.put(id, schema(get("/schemas/ids/" + id), new Schema.Parser()));
          Schema schema = schemas.get(id);
          var reader = new GenericDatumReader<GenericRecord>(schema);
          var decoder = DecoderFactory.get().binaryDecoder(record.value(), 5, record.value().length - 5, null);
          GenericRecord event = reader.read(null, decoder);
          if (!decoder.isEnd()) throw new IOException("bytes are left at " + record.offset());
          ObjectNode line = JSON.createObjectNode();
          line.put("partition", record.partition()).put("offset", record.offset()).put("key", record.key());
          line.put("hex", HexFormat.of().formatHex(encode(event, schema)));
          out.append(line).append('\n');
          TopicPartition partition = new TopicPartition(topic, record.partition());
          if (left.containsKey(partition) && record.offset() + 1 >= left.get(partition)) left.remove(partition);
        }
        if (last.plus(PATIENCE).isBefore(Instant.now())) throw new IOException("nothing comes; missing up to " + left);
      }
    }
    System.out.print(out);
  }

  static byte[] encode(GenericRecord event, Schema schema) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
    new GenericDatumWriter<GenericRecord>(schema).write(event, encoder);
    encoder.flush();
    return bytes.toByteArray();
  }

  // JSON as people write it, by the schema: optional values plain, times as text.
  static Object datum(JsonNode json, Schema schema) {
    String logical = schema.getLogicalType() == null ? "" : schema.getLogicalType().getName();
    switch (schema.getType()) {
      case RECORD:
        GenericRecord record = new GenericData.Record(schema);
        schema.getFields().forEach(f -> record.put(f.name(), datum(json.path(f.name()), f.schema())));
        return record;
      case UNION:
        boolean none = json.isNull() || json.isMissingNode();
        for (Schema branch : schema.getTypes()) {
          if (none == (branch.getType() == Schema.Type.NULL)) return datum(json, branch);
        }
        throw new IllegalArgumentException(schema + " does not take " + json);
      case NULL:
        return null;
      case LONG:
        if (logical.equals("timestamp-micros")) return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.parse(json.asText()));
        return json.asLong();
      case INT:
        return json.asInt();
      case DOUBLE:
        return json.asDouble();
      case FLOAT:
        return (float) json.asDouble();
      case BOOLEAN:
        return json.asBoolean();
      case STRING:
        return json.asText();
      case ENUM:
        return new GenericData.EnumSymbol(schema, json.asText());
      case ARRAY:
        List<Object> items = new ArrayList<>();
        json.forEach(item -> items.add(datum(item, schema.getElementType())));
        return items;
      default:
        throw new IllegalArgumentException("not needed here: " + schema);
    }
  }

  static void write(String topic, String subject) throws Exception {
    JsonNode latest = get("/subjects/" + subject + "/versions/latest");
    Registered registered = new Registered(latest.get("id").asInt(), schema(latest, new Schema.Parser()));
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<String> keys = new ArrayList<>();
    List<Future<RecordMetadata>> sent = new ArrayList<>();
    try (var producer = new KafkaProducer<>(properties(), new StringSerializer(), new ByteArraySerializer())) {
      for (String text = lines.readLine(); text != null; text = lines.readLine()) {
        JsonNode line = JSON.readTree(text);
        GenericRecord event = (GenericRecord) datum(line.get("value"), registered.schema());
        byte[] payload = encode(event, registered.schema());
        byte[] value = ByteBuffer.allocate(5 + payload.length).put((byte) 0).putInt(registered.id()).put(payload).array();
        keys.add(line.get("key").asText());
        sent.add(producer.send(new ProducerRecord<>(topic, line.get("key").asText(), value)));
      }
      producer.flush();
      for (int i = 0; i < sent.size(); i++) {
        RecordMetadata place = sent.get(i).get();
        ObjectNode out = JSON.createObjectNode();
        System.out.println(out.put("partition", place.partition()).put("offset", place.offset()).put("key", keys.get(i)));
      }
    }
  }

  public static void main(String[] arguments) throws Exception {
    switch (arguments[0]) {
      case "read" -> read(arguments[1]);
      case "write" -> write(arguments[1], arguments[2]);
      default -> throw new IllegalArgumentException(arguments[0]);
    }
  }
}
