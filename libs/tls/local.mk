# libs/tls
