Modules, SASL mechanisms, user stores and storage back ends can come from other distributions, by a file in ``twisted/plugins``.
