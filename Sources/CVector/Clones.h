// What the loops share: compiled for several instruction sets, chosen when the program is loaded.
#ifndef CVECTOR_CLONES_H
#define CVECTOR_CLONES_H

#include "CVector.h"
#include <stdlib.h>
#include <string.h>

// glibc alone: the choice needs its loader's ifunc, and runs before ThreadSanitizer's runtime is ready.
// CVECTOR_AVX2 keeps to AVX2, to measure what a machine without AVX-512 would do.
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && !__has_feature(thread_sanitizer)
#ifdef CVECTOR_AVX2
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif
#else
#define CLONED
#endif
#define INLINED static inline __attribute__((always_inline))
// Without it clang splits vectors of AVX-512 in halves, as the tuning of x86-64-v4 prefers; inlining hands it on.
#define FULL_WIDTH __attribute__((min_vector_width(512)))
#define UNROLLED _Pragma("clang loop unroll(full)")

// For functions whose shape, not their compilation alone, depends on the instruction set.
#if defined(__x86_64__) && !defined(CVECTOR_AVX2)
#define HAS_V4 __builtin_cpu_supports("x86-64-v4")
#else
#define HAS_V4 0
#endif
#ifdef __x86_64__
#define HAS_V3 __builtin_cpu_supports("x86-64-v3")
#else
#define HAS_V3 0
#endif

// Sixteen floats: one AVX-512 register, two of AVX2, four of SSE2 or NEON.
enum { LANES = 16 };
typedef float Lanes __attribute__((ext_vector_type(16)));
typedef int32_t Marks __attribute__((ext_vector_type(16)));
typedef Lanes LooseLanes __attribute__((aligned(4), may_alias));
typedef Marks LooseMarks __attribute__((aligned(4), may_alias));
typedef uint16_t Shorts __attribute__((ext_vector_type(16)));
typedef Shorts LooseShorts __attribute__((aligned(2), may_alias));

#define LOAD(address) (*(const LooseLanes *)(address))
#define STORE(address, value) (*(LooseLanes *)(address) = (value))

INLINED ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
INLINED ptrdiff_t most(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
// How many of a size hold so many.
INLINED ptrdiff_t parts_of(ptrdiff_t count, ptrdiff_t size) { return (count + size - 1) / size; }
INLINED ptrdiff_t chunks_of(ptrdiff_t count) { return parts_of(count, LANES); }

// What is computed with a sum in its register is a floor; any other function is applied once the sums are stored.
INLINED float floor_of(VectorFinish finish) {
  return finish.activation == VectorRelu ? 0.0f : -__builtin_inff();
}

INLINED int has_function(VectorFinish finish) {
  return finish.activation != VectorNone && finish.activation != VectorRelu;
}

// Activation.c: applies it to some units of `positions` positions that are `step` floats apart.
void vector_finishing(VectorFinish finish, float *output, ptrdiff_t positions, ptrdiff_t first_unit,
                      ptrdiff_t end_unit, ptrdiff_t step);

INLINED float float_of_bits(int32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

INLINED int32_t bits_of_float(float value) {
  int32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

// e^x as `mantissa`, near 1, times a power of two, whose exponent stands in the low bits of `shifted`: x = n ln 2 + r
// with n whole and |r| <= ln 2 / 2; the polynomial is a Chebyshev fit of (e^r - 1 - r) / r^2. No branches and no
// calls, so a loop of it vectorises.
typedef struct Exponential {
  float mantissa, shifted;
} Exponential;

INLINED Exponential exponential(float x) {
  const float whole = 12582912.0f;  // 1.5 * 2^23: adding it rounds to a whole number held in the low bits
  float shifted = x * 1.44269504f + whole;
  float k = shifted - whole;
  float r = x - k * 0.693145751953125f;
  r = r - k * 1.42860677e-6f;
  float p = 0.001392692661f;
  p = p * r + 0.008363773874f;
  p = p * r + 0.04166655011f;
  p = p * r + 0.1666657338f;
  p = p * r + 0.5f;
  return (Exponential){p * (r * r) + r + 1.0f, shifted};
}

// e^x, relative error under 2e-7; overflows to infinity, falls through subnormals to zero, keeps NaN: the power of
// two is applied in two halves so that neither overflows.
INLINED float vector_exp(float x) {
  x = x > 89.0f ? 89.0f : x;
  x = x < -105.0f ? -105.0f : x;
  Exponential e = exponential(x);
  int32_t n = bits_of_float(e.shifted) - 0x4B400000, half = n >> 1;
  // Unsigned, because a NaN leaves an arbitrary n; its product is NaN all the same.
  float low = float_of_bits((int32_t)(((uint32_t)half + 127u) << 23));
  float high = float_of_bits((int32_t)(((uint32_t)(n - half) + 127u) << 23));
  return e.mantissa * low * high;
}

// The taps of a window that fall on the axis, `first` up to but not including `end`; tap t is at
// origin + t * dilation.
typedef struct Taps {
  ptrdiff_t origin, first, end;
} Taps;

INLINED Taps taps_at(VectorSlide slide, ptrdiff_t place) {
  Taps taps;
  taps.origin = place * slide.stride - slide.before;
  taps.first = taps.origin < 0 ? (slide.dilation - 1 - taps.origin) / slide.dilation : 0;
  ptrdiff_t spare = slide.length - taps.origin;
  taps.end = spare <= 0 ? 0 : (spare + slide.dilation - 1) / slide.dilation;
  if (taps.end > slide.window) taps.end = slide.window;
  if (taps.first > taps.end) taps.first = taps.end;
  return taps;
}

#endif
