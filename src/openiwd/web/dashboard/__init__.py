"""The dashboards: backlog, flow, agents, queues, capture points as of now."""
