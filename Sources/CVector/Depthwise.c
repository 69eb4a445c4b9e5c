#include "Clones.h"

// A block of outputs side by side keeps its sums in registers: 8 outputs of 32 channels fill half of
// AVX-512's 32 registers, 8 outputs of 8 channels half of AVX2's 16. The other half holds a row of the filter
// and an input. 16 channels would make too few sums for AVX-512: each addition takes four cycles, and a sum's
// wait in line.
//
// Windows of 3 and 5 columns with a stride of 1 or 2, and of 7 with a stride of 1, have code of their own. It
// shares each loaded input between neighbouring outputs and is two to three times as fast as the code for
// any.
//
// Each output starts from its bias, or 0, and its taps are added by rows, then by columns, in one lane of one
// register. Taps that miss the map are skipped.

enum { MOST_PLACES = 8, MOST_WINDOW = 7, WIDE = 32, NARROW = 8, STRIP_ROWS = 16 };

typedef float WideLanes __attribute__((ext_vector_type(32)));
typedef float NarrowLanes __attribute__((ext_vector_type(8)));
typedef WideLanes LooseWideLanes __attribute__((aligned(4), may_alias));
typedef NarrowLanes LooseNarrowLanes __attribute__((aligned(4), may_alias));

#define WIDTH WIDE
#define Vector WideLanes
#define LOADED(address) (*(const LooseWideLanes *)(address))
#define STORED(address, value) (*(LooseWideLanes *)(address) = (value))
#define NAMED(name) wide_##name
#include "DepthwiseBlock.h"

#define WIDTH NARROW
#define Vector NarrowLanes
#define LOADED(address) (*(const LooseNarrowLanes *)(address))
#define STORED(address, value) (*(LooseNarrowLanes *)(address) = (value))
#define NAMED(name) narrow_##name
#include "DepthwiseBlock.h"

#define WIDTH 1
#define Vector float
#define LOADED(address) (*(address))
#define STORED(address, value) (*(address) = (value))
#define NAMED(name) single_##name
#include "DepthwiseBlock.h"

// Channels are taken in groups, so narrow that the rows of a window fit in half of the first-level cache. A
// group walks eight output rows before the next one starts: an input then comes from further away about once.
INLINED void depthwise(const float *restrict input, const float *restrict filters, const float *restrict bias,
                       float *restrict output, VectorSliding s, ptrdiff_t row, ptrdiff_t end,
                       ptrdiff_t first_channel, ptrdiff_t end_channel, float floor, const int width,
                       const int specialised) {
  const ptrdiff_t cache = 24576;
  const ptrdiff_t vector_bytes = s.rows.window * s.columns.length * width * (ptrdiff_t)sizeof(float);
  const ptrdiff_t group = vector_bytes < cache ? cache / vector_bytes * width : width;
  for (ptrdiff_t c = first_channel, to; c < end_channel; c = to) {
    to = least(c + group, end_channel);
    const ptrdiff_t from = to - c < width ? to - width : c;
    if (s.channels < width)
      single_convolve(input, filters, bias, output, s, row, end, c, to, floor, 0);
    else if (width == WIDE)
      wide_convolve(input, filters, bias, output, s, row, end, from, to, floor, specialised);
    else
      narrow_convolve(input, filters, bias, output, s, row, end, from, to, floor, specialised);
  }
}

// The widths differ, so clones of one function will not do.
#define DEPTHWISE(name)                                                                                      \
  name(const float *restrict input, const float *restrict filters, const float *restrict bias,               \
       float *restrict output, VectorSliding s, ptrdiff_t row, ptrdiff_t end, ptrdiff_t first_channel,       \
       ptrdiff_t end_channel, float floor)
#define CONVOLVE(width, specialised)                                                                         \
  depthwise(input, filters, bias, output, s, row, end, first_channel, end_channel, floor, width, specialised)
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) FULL_WIDTH static void DEPTHWISE(depthwise_v4) {
  CONVOLVE(WIDE, 1);
}
__attribute__((target("arch=x86-64-v3"))) static void DEPTHWISE(depthwise_v3) { CONVOLVE(NARROW, 1); }
static void DEPTHWISE(depthwise_v2) { CONVOLVE(NARROW, 0); }
#else
static void DEPTHWISE(depthwise_v2) { CONVOLVE(NARROW, 1); }
#endif

static void DEPTHWISE(strip) {
#if defined(__x86_64__)
  if (HAS_V4) {
    // A rest of up to half a wide vector costs less in narrow ones.
    ptrdiff_t rest = s.channels % WIDE, wide = s.channels - (s.channels < WIDE || rest <= WIDE / 2 ? rest : 0);
    depthwise_v4(input, filters, bias, output, s, row, end, first_channel, wide, floor);
    depthwise_v3(input, filters, bias, output, s, row, end, wide, end_channel, floor);
    return;
  }
  if (HAS_V3) {
    depthwise_v3(input, filters, bias, output, s, row, end, first_channel, end_channel, floor);
    return;
  }
#endif
  depthwise_v2(input, filters, bias, output, s, row, end, first_channel, end_channel, floor);
}

void vector_depthwise(const float *input, const float *filters, const float *bias, float *output,
                      VectorSliding s, ptrdiff_t first_row, ptrdiff_t end_row, VectorFinish finish) {
  if (s.columns.places <= 0 || s.channels <= 0) return;
  ptrdiff_t step = s.columns.places * s.channels;
  for (ptrdiff_t row = first_row, end; row < end_row; row = end) {
    end = least(row + STRIP_ROWS, end_row);
    strip(input, filters, bias, output, s, row, end, 0, s.channels, floor_of(finish));
    if (has_function(finish))
      vector_finishing(finish, output + row * step, (end - row) * s.columns.places, 0, s.channels, s.channels);
  }
}
