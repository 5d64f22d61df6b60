# libs/unicode
