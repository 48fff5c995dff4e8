A client or component that sends much at once, or what takes long to do, no longer keeps others waiting: it has a fiftieth of a second at a time.
