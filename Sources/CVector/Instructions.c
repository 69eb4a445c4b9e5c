#include "Clones.h"

const char *vector_instruction_set(void) {
#if defined(__x86_64__)
  return HAS_V4 ? "AVX-512" : HAS_V3 ? "AVX2" : "SSE2";
#elif defined(__aarch64__)
  return "NEON";
#else
  return "none";
#endif
}
