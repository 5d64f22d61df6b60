/* CRC-32C (Castagnoli), the checksum of our journal and index records. */
#ifndef COURIER_BASE_CRC32C_H
#define COURIER_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32c(uint32_t so_far, const void *p, size_t n); /* start with 0 */

#endif
