# libs/gate
