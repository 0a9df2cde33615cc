// The header twice in one file, and once more in another file of the same program.
#include <pointmill.h>
#include <pointmill.h>
#include "check.h"

uint32_t abi_of_another_file(void);

static void both_files_see_the_same_library(void) {
    CHECK(abi_of_another_file() == pointmill_abi_version());
}

int main(void) {
    RUN(both_files_see_the_same_library);
    return FINISH();
}
