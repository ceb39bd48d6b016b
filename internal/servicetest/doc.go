// Package servicetest gives tests the real servers that stand beside Kafka: PostgreSQL, Kafka Connect with Debezium,
// OpenSearch, and a schema registry. Like those of package kafkatest, tests that need one are skipped unless
// MILLSTREAM_KAFKA is 1, and the servers end with the process of the tests, even where that is killed.
//
//	pg := servicetest.StartPostgres(t)
//	pg.Kill()
//	pg.Restart()
//
// They are processes that scripts start; those can be used by hand as well.
package servicetest
