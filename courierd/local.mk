# courierd
include courierd/broker.mk
