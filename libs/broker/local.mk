# libs/broker: the client of the broker, its protocol page, the routing key of local deliveries.
noinst_LIBRARIES += libs/broker/libbroker.a
libs_broker_libbroker_a_SOURCES = \
	libs/broker/broker.h libs/broker/client.c \
	libs/broker/broker-proto.h libs/broker/request.c \
	libs/broker/local-key.h libs/broker/local-key.c
