// Package worker carries out what package task decides: it talks to Kafka, reads the clock, and writes to disk.
package worker
