# libs/rewrite
