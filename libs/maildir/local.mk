# libs/maildir
