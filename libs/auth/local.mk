# libs/auth
