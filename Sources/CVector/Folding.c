#include "Clones.h"

CLONED void vector_folding(const float *restrict products, float *restrict output, VectorSliding s) {
  // Where a window's columns are neighbours in memory, a row of products is one run of floats.
  int contiguous = s.columns.dilation == 1;
  ptrdiff_t row_size = s.columns.window * s.channels;
  for (ptrdiff_t image = 0; image < s.images; image++)
    for (ptrdiff_t row = 0; row < s.rows.places; row++) {
      Taps down = taps_at(s.rows, row);
      for (ptrdiff_t column = 0; column < s.columns.places; column++, products += s.rows.window * row_size) {
        Taps across = taps_at(s.columns, column);
        ptrdiff_t runs = contiguous ? across.end > across.first : across.end - across.first;
        ptrdiff_t length = contiguous ? (across.end - across.first) * s.channels : s.channels;
        for (ptrdiff_t r = down.first; r < down.end; r++) {
          ptrdiff_t line = (image * s.rows.length + down.origin + r * s.rows.dilation) * s.columns.length;
          for (ptrdiff_t k = across.first; k < across.first + runs; k++) {
            const float *from = products + r * row_size + k * s.channels;
            float *to = output + (line + across.origin + k * s.columns.dilation) * s.channels;
            for (ptrdiff_t i = 0; i < length; i++) to[i] += from[i];
          }
        }
      }
    }
}
