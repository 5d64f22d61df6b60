/* libs/base: what every other room may use.  One include for all of it. */
#ifndef COURIER_BASE_H
#define COURIER_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/vec.h"
#include "base/map.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/file.h"
#include "base/child.h"
#include "base/codec.h"
#include "base/crc32c.h"
#include "base/log.h"

#define ARRAY_LEN(a)      (sizeof(a) / sizeof((a)[0]))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED            __attribute__((unused))

#endif
