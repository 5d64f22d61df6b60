# libs/rfc822
