// The second file of header_twice.c.
#include <pointmill.h>

uint32_t abi_of_another_file(void);

uint32_t abi_of_another_file(void) {
    return POINTMILL_ABI_VERSION;
}
