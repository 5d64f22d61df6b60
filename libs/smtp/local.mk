# libs/smtp
