Clients on slow lines may take their time with what waits for them, as long as they go on reading.
