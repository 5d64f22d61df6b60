# libs/mime: structure and encodings of messages. Uses base, unicode, rfc822.
