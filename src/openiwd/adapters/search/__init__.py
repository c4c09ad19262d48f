"""Elasticsearch and OpenSearch: one index of items for each tenant, written from the event log, asked by searches."""
