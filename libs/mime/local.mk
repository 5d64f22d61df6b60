# libs/mime
