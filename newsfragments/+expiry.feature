A stream with another server ends with ``reset`` when the certificate expires that proves who it is (RFC 6120 13.7.2.3).
