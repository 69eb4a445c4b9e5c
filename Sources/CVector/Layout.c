#include "Clones.h"

enum { BLOCK = 16 };

CLONED void vector_transposing(const float *restrict input, ptrdiff_t input_step, float *restrict output,
                               ptrdiff_t output_step, ptrdiff_t rows, ptrdiff_t columns) {
  // Blocks of a cache line by a cache line, so that every line fetched is used up while it is near.
  for (ptrdiff_t column = 0; column < columns; column += BLOCK)
    for (ptrdiff_t row = 0; row < rows; row += BLOCK) {
      ptrdiff_t last_row = row + BLOCK < rows ? row + BLOCK : rows;
      ptrdiff_t last_column = column + BLOCK < columns ? column + BLOCK : columns;
      for (ptrdiff_t k = column; k < last_column; k++)
        for (ptrdiff_t r = row; r < last_row; r++) output[k * output_step + r] = input[r * input_step + k];
    }
}

CLONED void vector_space_to_depth(const float *restrict input, float *restrict output, VectorSliding s) {
  ptrdiff_t stride = s.rows.stride, run = stride * s.channels, step = stride * run;
  ptrdiff_t map = s.rows.length * s.columns.length * s.channels;
  for (ptrdiff_t image = 0; image < s.images; image++, input += map)
    for (ptrdiff_t place = 0; place < s.rows.places; place++, output += s.columns.places * step)
      for (ptrdiff_t down = 0; down < stride; down++) {
        ptrdiff_t row = place * stride + down - s.rows.before;
        int inside = row >= 0 && row < s.rows.length;
        for (ptrdiff_t across = 0; across < s.columns.places; across++) {
          ptrdiff_t column = across * stride - s.columns.before;
          const float *from = input + (row * s.columns.length + column) * s.channels;
          float *to = output + across * step + down * run;
          if (inside && column >= 0 && column + stride <= s.columns.length)
            for (ptrdiff_t k = 0; k < run; k++) to[k] = from[k];
          else
            for (ptrdiff_t k = 0; k < run; k++) {
              ptrdiff_t at = column + k / s.channels;
              to[k] = inside && at >= 0 && at < s.columns.length ? from[k] : 0.0f;
            }
        }
      }
}
