# authdaemon
