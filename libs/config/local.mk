# libs/config
