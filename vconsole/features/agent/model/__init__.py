"""The guest agent: its channel, what it tells, what it is asked to do."""
