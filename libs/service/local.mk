# libs/service
