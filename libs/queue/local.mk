# libs/queue
