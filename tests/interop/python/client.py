"""A Python client of the same topics: confluent-kafka with its own Avro serializer and deserializer.

    client.py read  TOPIC            all records of the topic, as JSON lines
    client.py write TOPIC SUBJECT    JSON lines from standard input, as records; where each went, as JSON lines

The servers are in KAFKA_BOOTSTRAP_SERVERS and SCHEMA_REGISTRY_URL. Each line that is read is `{"key", "value"}`.
"""

import datetime
import json
import os
import sys
import uuid

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

BOOTSTRAP = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
REGISTRY = SchemaRegistryClient({"url": os.environ["SCHEMA_REGISTRY_URL"]})
PATIENCE = 30


def readable(value):
    """What JSON has no type for, as text."""
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(type(value))


def typed(value):
    """The reverse: times are named so here."""
    if not isinstance(value, dict):
        return value
    is_time = lambda name, text: isinstance(text, str) and name.endswith(("_time", "_at"))
    return {
        name: datetime.datetime.fromisoformat(inner.replace("Z", "+00:00")) if is_time(name, inner) else typed(inner)
        for name, inner in value.items()
    }


def read(topic):
    deserialize = AvroDeserializer(REGISTRY)
    consumer = Consumer({"bootstrap.servers": BOOTSTRAP, "group.id": "interop-python", "enable.auto.commit": False})
    partitions = consumer.list_topics(topic, timeout=PATIENCE).topics[topic].partitions
    left = {}
    for partition in partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
        if low < high:
            left[partition] = high
    consumer.assign([TopicPartition(topic, partition, 0) for partition in left])
    out = []
    while left:
        messages = consumer.consume(5000, timeout=PATIENCE)
        if not messages:
            sys.exit(f"nothing came for {PATIENCE} s; missing up to {left}")
        for message in messages:
            if message.error():
                sys.exit(str(message.error()))
            value = deserialize(message.value(), SerializationContext(topic, MessageField.VALUE))
            place = {"partition": message.partition(), "offset": message.offset()}
            record = place | {"key": message.key().decode(), "value": value}
            out.append(json.dumps(record, default=readable))
            if message.offset() + 1 >= left.get(message.partition(), 0):
                left.pop(message.partition(), None)
    consumer.close()
    print("\n".join(out))


def write(topic, subject):
    schema = REGISTRY.get_latest_version(subject).schema
    serialize = AvroSerializer(REGISTRY, schema, conf={"auto.register.schemas": False, "use.latest.version": True})
    # librdkafka's own default is not Java's: a key would go to another partition.
    producer = Producer({"bootstrap.servers": BOOTSTRAP, "partitioner": "murmur2_random", "acks": "all"})
    failures = []

    def delivered(error, message):
        if error:
            failures.append(str(error))
            return
        place = {"partition": message.partition(), "offset": message.offset()}
        print(json.dumps(place | {"key": message.key().decode()}))

    for line in sys.stdin:
        record = json.loads(line)
        value = serialize(typed(record["value"]), SerializationContext(topic, MessageField.VALUE))
        producer.produce(topic, key=record["key"], value=value, on_delivery=delivered)
        producer.poll(0)
    if producer.flush(PATIENCE) or failures:
        sys.exit(f"not delivered: {failures}")


if __name__ == "__main__":
    {"read": read, "write": write}[sys.argv[1]](*sys.argv[2:])
