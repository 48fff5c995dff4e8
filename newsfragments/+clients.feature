Serves the clients of one or more domains: STARTTLS and direct TLS, SCRAM with channel binding, PLAIN, EXTERNAL, guests.
