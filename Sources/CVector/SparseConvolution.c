#include "Clones.h"

// Adds to `output` the sum over `count` filter rows, each by its value, for `full` blocks of sixteen and a tail.
// The sums stay in registers while the rows pass, so the output is read and written once however many rows
// there are. The tail reads sixteen floats of each row and keeps the first `tail`.
INLINED void add_block(float *restrict output, const float *const *restrict rows, const float *restrict values,
                       ptrdiff_t count, ptrdiff_t offset, int full, ptrdiff_t tail) {
  Lanes a = (Lanes)0.0f, b = a, c = a, d = a, last = a;
  for (ptrdiff_t k = 0; k < count; k++) {
    const float *row = rows[k] + offset;
    Lanes value = (Lanes)values[k];
    if (full > 0) a += value * LOAD(row);
    if (full > 1) b += value * LOAD(row + LANES);
    if (full > 2) c += value * LOAD(row + 2 * LANES);
    if (full > 3) d += value * LOAD(row + 3 * LANES);
    if (tail) last += value * LOAD(row + full * LANES);
  }
  if (full > 0) STORE(output, LOAD(output) + a);
  if (full > 1) STORE(output + LANES, LOAD(output + LANES) + b);
  if (full > 2) STORE(output + 2 * LANES, LOAD(output + 2 * LANES) + c);
  if (full > 3) STORE(output + 3 * LANES, LOAD(output + 3 * LANES) + d);
  if (tail) {
    float sums[LANES];
    STORE(sums, last);
    for (ptrdiff_t j = 0; j < tail; j++) output[full * LANES + j] += sums[j];
  }
}

// Adds rows of any length; `readable` is how many floats of every row may be read from `offset` on.
INLINED void add_rows(float *restrict output, const float *const *restrict rows, const float *restrict values,
                      ptrdiff_t count, ptrdiff_t offset, ptrdiff_t length, ptrdiff_t readable) {
  ptrdiff_t i = 0;
  for (; i + 4 * LANES <= length; i += 4 * LANES)
    add_block(output + i, rows, values, count, offset + i, 4, 0);
  ptrdiff_t full = (length - i) / LANES, tail = (length - i) % LANES;
  ptrdiff_t whole = i + full * LANES;
  if (tail && whole + LANES > readable) {
    // Only the very last filter row has too little behind it to be read whole.
    for (ptrdiff_t j = whole; j < length; j++) {
      float sum = 0;
      for (ptrdiff_t k = 0; k < count; k++) sum += values[k] * rows[k][offset + j];
      output[j] += sum;
    }
    tail = 0;
  }
  float *restrict rest = output + i;
  offset += i;
  if (tail) {
    switch (full) {
      case 0: add_block(rest, rows, values, count, offset, 0, tail); return;
      case 1: add_block(rest, rows, values, count, offset, 1, tail); return;
      case 2: add_block(rest, rows, values, count, offset, 2, tail); return;
      default: add_block(rest, rows, values, count, offset, 3, tail); return;
    }
  }
  switch (full) {
    case 0: return;
    case 1: add_block(rest, rows, values, count, offset, 1, 0); return;
    case 2: add_block(rest, rows, values, count, offset, 2, 0); return;
    default: add_block(rest, rows, values, count, offset, 3, 0); return;
  }
}

typedef _Bool Bits __attribute__((ext_vector_type(16)));

// The outputs of one group at one position that are not zero: their values, and where their filters begin.
INLINED ptrdiff_t gather(const float *restrict signal, const float *filters, ptrdiff_t outputs,
                         ptrdiff_t filter_size, float *restrict values, const float **restrict rows) {
  ptrdiff_t count = 0, o = 0;
  for (; o + LANES <= outputs; o += LANES) {
    Bits found = __builtin_convertvector(LOAD(signal + o) != (Lanes)0.0f, Bits);
    uint16_t bits;
    memcpy(&bits, &found, sizeof bits);
    for (uint32_t left = bits; left; left &= left - 1, count++) {
      ptrdiff_t at = o + __builtin_ctz(left);
      values[count] = signal[at];
      rows[count] = filters + at * filter_size;
    }
  }
  for (; o < outputs; o++) {
    values[count] = signal[o];
    rows[count] = filters + o * filter_size;
    count += signal[o] != 0;
  }
  return count;
}

CLONED void vector_sparse_convolution_transposed(const float *signal, const float *filters, float *output,
                                                 VectorSliding s, ptrdiff_t outputs, ptrdiff_t groups,
                                                 float *values, const float **rows) {
  ptrdiff_t inputs = s.channels / groups, group_outputs = outputs / groups;
  ptrdiff_t filter_row = s.columns.window * inputs, filter_size = s.rows.window * filter_row;
  // Where a window's columns are neighbours in memory, a filter row is one run of floats.
  int contiguous = groups == 1 && s.columns.dilation == 1;
  const float *end = filters + outputs * filter_size;
  for (ptrdiff_t image = 0; image < s.images; image++)
    for (ptrdiff_t row = 0; row < s.rows.places; row++) {
      Taps down = taps_at(s.rows, row);
      for (ptrdiff_t column = 0; column < s.columns.places; column++, signal += outputs) {
        Taps across = taps_at(s.columns, column);
        for (ptrdiff_t group = 0; group < groups; group++) {
          ptrdiff_t first = group * group_outputs;
          ptrdiff_t count = gather(signal + first, filters + first * filter_size, group_outputs, filter_size,
                                   values, rows);
          if (count == 0) continue;
          ptrdiff_t readable = end - rows[count - 1];  // rows ascend, so the last has the least behind it
          for (ptrdiff_t r = down.first; r < down.end; r++) {
            ptrdiff_t at = (image * s.rows.length + down.origin + r * s.rows.dilation) * s.columns.length;
            if (contiguous) {
              ptrdiff_t offset = r * filter_row + across.first * inputs;
              add_rows(output + (at + across.origin + across.first) * inputs, rows, values, count, offset,
                       (across.end - across.first) * inputs, readable - offset);
              continue;
            }
            for (ptrdiff_t k = across.first; k < across.end; k++) {
              ptrdiff_t offset = r * filter_row + k * inputs;
              add_rows(output + (at + across.origin + k * s.columns.dilation) * s.channels + group * inputs,
                       rows, values, count, offset, inputs, readable - offset);
            }
          }
        }
      }
    }
}
