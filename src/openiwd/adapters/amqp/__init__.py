"""Reads messages from queues of AMQP 0-9-1 (RabbitMQ), and sends answers, errors and notifications to others."""
