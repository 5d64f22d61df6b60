# libs/ipc
