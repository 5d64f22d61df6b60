# libs/broker
