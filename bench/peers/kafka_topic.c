// A topic in librdkafka's mock cluster: fills it, prints the brokers, and serves it until its input ends.
//
// Usage: kafka_topic TOPIC PARTITIONS MESSAGES BYTES. The cluster keeps 5 MiB of a partition.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rd_kafka_t *client(const char *brokers) {
    char reason[512];
    rd_kafka_conf_t *configuration = rd_kafka_conf_new();
    rd_kafka_conf_set(configuration, "log_level", "0", reason, sizeof reason);
    rd_kafka_conf_set(configuration, "queue.buffering.max.messages", "2000000", reason, sizeof reason);
    if (brokers) rd_kafka_conf_set(configuration, "bootstrap.servers", brokers, reason, sizeof reason);
    return rd_kafka_new(RD_KAFKA_PRODUCER, configuration, reason, sizeof reason);
}

int main(int count, char **words) {
    if (count != 5) return 2;
    int partitions = atoi(words[2]), messages = atoi(words[3]), bytes = atoi(words[4]);
    if (partitions < 1 || messages < 1 || bytes < 80 || bytes > 4096) return 2;
    rd_kafka_t *owner = client(NULL);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(owner, 1);
    if (!cluster) return 1;
    rd_kafka_mock_topic_create(cluster, words[1], partitions, 1);
    const char *brokers = rd_kafka_mock_cluster_bootstraps(cluster);
    rd_kafka_t *producer = client(brokers);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, words[1], NULL);
    char body[4097];
    for (int number = 0; number < messages; number++) {
        int length = snprintf(body, sizeof body, "{\"number\":%d,\"at\":\"2026-05-01T12:00:00Z\",\"note\":\"", number);
        memset(body + length, 'x', bytes - length);
        memcpy(body + bytes - 2, "\"}", 2);
        while (rd_kafka_produce(topic, number % partitions, RD_KAFKA_MSG_F_COPY, body, bytes, NULL, 0, NULL) != 0)
            rd_kafka_poll(producer, 10);
        if (number % 1000 == 0) rd_kafka_poll(producer, 0);
    }
    if (rd_kafka_flush(producer, 120000) != 0) return 1;
    printf("%s\n", brokers);
    fflush(stdout);
    while (getchar() != EOF) {}
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(producer);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(owner);
    return 0;
}
