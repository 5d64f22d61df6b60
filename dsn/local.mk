# dsn: the module that tells senders what became of their mail (RFC 3461, 3464, 6522, 6533).
# The history's text is written by the scheduler, so it is a library of its own.
noinst_LIBRARIES += dsn/libdsnhistory.a
dsn_libdsnhistory_a_SOURCES = dsn/dsn-history.c dsn/dsn-history.h
