"""Reads messages from topics of Kafka, and sends answers, errors and notifications to others."""
