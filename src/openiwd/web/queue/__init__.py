"""The Universal Queue and the list of queues."""
