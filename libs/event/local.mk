# libs/event
