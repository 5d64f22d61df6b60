noinst_LIBRARIES += libs/work/libwork.a
libs_work_libwork_a_SOURCES = libs/work/work.c libs/work/work.h \
	libs/work/work-service.c libs/work/work-service.h
