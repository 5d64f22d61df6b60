# libs/rfc822: header fields, addresses, SMTP paths, dates, message ids. Uses base alone.
