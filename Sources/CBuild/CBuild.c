#include "CBuild.h"

#ifndef BUILD_COMMIT
#define BUILD_COMMIT 0
#endif

uint64_t build_commit(void) { return BUILD_COMMIT; }
