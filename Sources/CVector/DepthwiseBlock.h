// The part of Depthwise.c that depends on the width of a vector; included once for each width. It takes
// WIDTH, the floats of a `Vector`; LOADED and STORED, which access one at any address; NAMED, which makes the
// names differ.

// `count` outputs side by side, a vector of channels at a time. `origin` is the column of the first window's
// first tap. If `whole`, every column of every window lies on the map. A `window` of 0 stands for any window,
// stride and dilation; else `window` and `stride` are those of the columns, and their dilation is 1.
INLINED void NAMED(block)(const float *restrict map, const float *restrict filters,
                          const float *restrict bias, float *restrict output, VectorSliding s,
                          ptrdiff_t first_channel, ptrdiff_t end_channel, Taps down, ptrdiff_t origin,
                          float floor, const int count, const int window, const int stride, const int whole) {
  const ptrdiff_t channels = s.channels, row_step = s.columns.length * channels;
  const ptrdiff_t down_step = s.rows.dilation * row_step, output_step = s.columns.stride * channels;
  const int span = (count - 1) * stride + window;
  // Bit j: whether input column origin + j lies on the map.
  const ptrdiff_t from = origin < 0 ? -origin : 0, spare = s.columns.length - origin;
  const ptrdiff_t to = spare < span ? spare : span;
  const uint32_t inside = from < to ? (UINT32_C(1) << to) - (UINT32_C(1) << from) : 0;
  for (ptrdiff_t next = first_channel; next < end_channel; next += WIDTH) {
    // The last vector overlaps the one before it rather than leaving a tail.
    const ptrdiff_t c = next + WIDTH > end_channel ? end_channel - WIDTH : next;
    const Vector start = bias ? LOADED(bias + c) : (Vector)0.0f;
    const float *filter = filters + down.first * s.columns.window * channels + c;
    ptrdiff_t row = (down.origin + down.first * s.rows.dilation) * row_step + origin * channels + c;
    Vector sums[MOST_PLACES];
    UNROLLED for (int o = 0; o < count; o++) sums[o] = start;
    for (ptrdiff_t r = down.first; r < down.end; r++, row += down_step) {
      ptrdiff_t at = row;
      if (window) {
        Vector taps[MOST_WINDOW];
        UNROLLED for (int k = 0; k < window; k++, filter += channels) taps[k] = LOADED(filter);
        // Each input is loaded once and added to all outputs whose windows hold it. An output's taps come in
        // order, because its inputs do.
        UNROLLED for (int j = 0; j < span; j++, at += channels)
          if (whole || inside >> j & 1) {
            const Vector value = LOADED(map + at);
            UNROLLED for (int k = window - 1; k >= 0; k--)
              if (j >= k && (j - k) % stride == 0 && (j - k) / stride < count)
                sums[(j - k) / stride] += value * taps[k];
          }
      } else {
        ptrdiff_t column = origin;
        for (ptrdiff_t k = 0; k < s.columns.window; k++, filter += channels) {
          const Vector tap = LOADED(filter);
          UNROLLED for (int o = 0; o < count; o++)
            // As unsigned numbers, columns left of the map are large.
            if (whole || (size_t)(column + o * s.columns.stride) < (size_t)s.columns.length)
              sums[o] += LOADED(map + at + o * output_step) * tap;
          column += s.columns.dilation;
          at += s.columns.dilation * channels;
        }
      }
    }
    UNROLLED for (int o = 0; o < count; o++)
      STORED(output + o * channels + c, sums[o] < floor ? (Vector)floor : sums[o]);
  }
}

// Output rows `first` up to but not including `end`, each cut into blocks of nearly equal length.
INLINED void NAMED(rows)(const float *restrict input, const float *restrict filters,
                         const float *restrict bias, float *restrict output, VectorSliding s,
                         ptrdiff_t first, ptrdiff_t end, ptrdiff_t first_channel, ptrdiff_t end_channel,
                         float floor, const int window, const int stride) {
  const ptrdiff_t places = s.columns.places, blocks = (places + MOST_PLACES - 1) / MOST_PLACES;
  const ptrdiff_t usual = places / blocks, longer = places % blocks;
  const ptrdiff_t reach = (s.columns.window - 1) * s.columns.dilation;
  for (ptrdiff_t row = first; row < end; row++) {
    const Taps down = taps_at(s.rows, row % s.rows.places);
    const float *map = input + row / s.rows.places * s.rows.length * s.columns.length * s.channels;
    float *to = output + row * places * s.channels;
    ptrdiff_t origin = -s.columns.before;
    for (ptrdiff_t block = 0; block < blocks; block++) {
      const ptrdiff_t count = usual + (block < longer);
      const ptrdiff_t last = origin + (count - 1) * s.columns.stride;
      const int whole = origin >= 0 && last + reach < s.columns.length;
#define PLACES(n)                                                                                            \
  case n:                                                                                                    \
    if (whole)                                                                                               \
      NAMED(block)(map, filters, bias, to, s, first_channel, end_channel, down, origin, floor, n, window,    \
                   stride, 1);                                                                               \
    else                                                                                                     \
      NAMED(block)(map, filters, bias, to, s, first_channel, end_channel, down, origin, floor, n, window,    \
                   stride, 0);                                                                               \
    break;
      switch (count) {
        PLACES(4) PLACES(5) PLACES(6) PLACES(7) PLACES(8)
        default:
          if (!window) switch (count) { PLACES(1) PLACES(2) PLACES(3) }
      }
#undef PLACES
      origin += count * s.columns.stride;
      to += count * s.channels;
    }
  }
}

// `specialised`: whether the usual windows have code of their own. Fewer than four places make a short block,
// and short blocks only exist for any window.
INLINED void NAMED(convolve)(const float *restrict input, const float *restrict filters,
                             const float *restrict bias, float *restrict output, VectorSliding s,
                             ptrdiff_t first, ptrdiff_t end, ptrdiff_t first_channel, ptrdiff_t end_channel,
                             float floor, const int specialised) {
#define ROWS(window, stride)                                                                                 \
  NAMED(rows)(input, filters, bias, output, s, first, end, first_channel, end_channel, floor, window, stride)
  const ptrdiff_t window = s.columns.dilation == 1 && s.columns.places >= 4 ? s.columns.window : 0;
  const ptrdiff_t stride = s.columns.stride;
  if (specialised && window == 3 && stride == 1)
    ROWS(3, 1);
  else if (specialised && window == 3 && stride == 2)
    ROWS(3, 2);
  else if (specialised && window == 5 && stride == 1)
    ROWS(5, 1);
  else if (specialised && window == 5 && stride == 2)
    ROWS(5, 2);
  else if (specialised && window == 7 && stride == 1)
    ROWS(7, 1);
  else
    ROWS(0, 0);
#undef ROWS
}

#undef WIDTH
#undef Vector
#undef LOADED
#undef STORED
#undef NAMED
