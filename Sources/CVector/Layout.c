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
