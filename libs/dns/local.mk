# libs/dns
