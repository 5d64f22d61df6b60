noinst_LIBRARIES += libs/threads/libthreads.a
libs_threads_libthreads_a_SOURCES = libs/threads/work.c libs/threads/work.h \
	libs/threads/work-service.c libs/threads/work-service.h
