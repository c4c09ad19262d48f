"""The alarms: the bell, the list, what raises them and what one is told of."""
