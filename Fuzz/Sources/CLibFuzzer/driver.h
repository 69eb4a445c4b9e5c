#include <stddef.h>
#include <stdint.h>

/// libFuzzer's own loop, for programs that have a main function. It is part of the compiler's runtime and has no header.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*attempt)(const uint8_t *bytes, size_t count));
