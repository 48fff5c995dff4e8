One user alone cannot use up what there is for messages to other servers: half of what may wait is the most, and an eighth of the servers written to at a time.
