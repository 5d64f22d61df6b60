# libs/gate: the client of the gate, and the frames between both.
noinst_LIBRARIES += libs/gate/libgate.a
libs_gate_libgate_a_SOURCES = libs/gate/gate.h libs/gate/gate-proto.h \
	libs/gate/gate-proto.c libs/gate/client.c libs/gate/client-calls.c libs/gate/client-private.h libs/gate/client-sync.c \
	libs/gate/client-env.h libs/gate/client-env.c
