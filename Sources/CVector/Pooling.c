#include "Clones.h"

// One output pixel. `map` is the image; channels are taken sixteen at a time and each block walks the whole
// window in registers. The last block overlaps the one before it rather than leaving a tail.
INLINED void pool_pixel(const float *restrict map, float *restrict values, uint16_t *restrict winners,
                        VectorSliding s, Taps down, Taps across) {
  ptrdiff_t channels = s.channels, row_step = s.columns.length * channels;
  ptrdiff_t tap_step = s.columns.dilation * channels;
  if (down.first == down.end || across.first == across.end) {
    for (ptrdiff_t c = 0; c < channels; c++) values[c] = -__builtin_inff();
    if (winners) memset(winners, 0, (size_t)channels * sizeof *winners);
    return;
  }
  const float *corner = map + (down.origin + down.first * s.rows.dilation) * row_step
                        + (across.origin + across.first * s.columns.dilation) * channels;
  ptrdiff_t down_step = s.rows.dilation * row_step;
  int32_t first = (int32_t)(down.first * s.columns.window + across.first);
  if (channels < LANES) {
    for (ptrdiff_t c = 0; c < channels; c++) {
      float best = corner[c];
      int32_t winner = first;
      for (ptrdiff_t r = down.first; r < down.end; r++)
        for (ptrdiff_t k = across.first; k < across.end; k++) {
          float value = corner[(r - down.first) * down_step + (k - across.first) * tap_step + c];
          if (!(value <= best) && best == best) {
            best = value;
            winner = (int32_t)(r * s.columns.window + k);
          }
        }
      values[c] = best;
      if (winners) winners[c] = (uint16_t)winner;
    }
    return;
  }
  ptrdiff_t newest = s.rows.stride + (s.rows.window - 1) * s.rows.dilation;
  ptrdiff_t fresh_rows = s.rows.stride < s.rows.window ? s.rows.stride : s.rows.window;
  ptrdiff_t fresh_columns = s.columns.stride < s.columns.window ? s.columns.stride : s.columns.window;
  for (ptrdiff_t next = 0; next < channels; next += LANES) {
    ptrdiff_t c = next + LANES > channels ? channels - LANES : next;
    // What the next row of windows will see for the first time: too far ahead for the processor to foresee.
    for (ptrdiff_t r = 0; r < fresh_rows; r++)
      for (ptrdiff_t k = 0; k < fresh_columns; k++)
        __builtin_prefetch(corner + (newest - r) * row_step + k * channels + c);
    Lanes best = LOAD(corner + c);
    Marks winner = (Marks)first;
    for (ptrdiff_t r = down.first; r < down.end; r++) {
      const float *tap = corner + (r - down.first) * down_step + c;
      int32_t index = (int32_t)(r * s.columns.window + across.first);
      for (ptrdiff_t k = across.first; k < across.end; k++, tap += tap_step, index++) {
        Lanes value = LOAD(tap);
        // Not "value > best": an unordered comparison lets a NaN win, and the second keeps it.
        Marks wins = ~(value <= best) & (best == best);
        best = wins ? value : best;
        if (winners) winner = wins ? (Marks)index : winner;
      }
    }
    STORE(values + c, best);
    if (winners) *(LooseShorts *)(winners + c) = __builtin_convertvector(winner, Shorts);
  }
}

INLINED void pool(const float *restrict input, float *restrict values, uint16_t *restrict winners,
                  VectorSliding s) {
  ptrdiff_t size = s.rows.length * s.columns.length * s.channels;
  for (ptrdiff_t image = 0; image < s.images; image++)
    for (ptrdiff_t row = 0; row < s.rows.places; row++) {
      Taps down = taps_at(s.rows, row);
      for (ptrdiff_t column = 0; column < s.columns.places; column++) {
        ptrdiff_t at = ((image * s.rows.places + row) * s.columns.places + column) * s.channels;
        pool_pixel(input + image * size, values + at, winners ? winners + at : NULL, s, down,
                   taps_at(s.columns, column));
      }
    }
}

CLONED void vector_max_pooling(const float *input, float *values, VectorSliding sliding) {
  pool(input, values, NULL, sliding);
}

CLONED void vector_max_pooling_with_winners(const float *input, float *values, uint16_t *winners,
                                            VectorSliding sliding) {
  pool(input, values, winners, sliding);
}

// Division by the window's columns as a product: exact, because winners and windows stay below 2^16.
INLINED uint64_t reciprocal_of(ptrdiff_t window) {
  return (((uint64_t)1 << 32) + (uint64_t)window - 1) / (uint64_t)window;
}

// Sixteen channels of one pooled pixel whose window lies on the map altogether; `corner` is its top left.
INLINED void scatter_block(const float *restrict signal, const uint16_t *restrict winners,
                           float *restrict corner, uint64_t reciprocal, ptrdiff_t window, ptrdiff_t down_step,
                           ptrdiff_t tap_step) {
  ptrdiff_t offsets[LANES];
  for (ptrdiff_t c = 0; c < LANES; c++) {
    ptrdiff_t row = (ptrdiff_t)(winners[c] * reciprocal >> 32);
    offsets[c] = row * down_step + (winners[c] - row * window) * tap_step + c;
  }
  for (ptrdiff_t c = 0; c < LANES; c++) corner[offsets[c]] += signal[c];
}

CLONED void vector_unpooling(const float *restrict signal, const uint16_t *restrict winners,
                             float *restrict output, VectorSliding s) {
  ptrdiff_t channels = s.channels, row_step = s.columns.length * channels;
  ptrdiff_t down_step = s.rows.dilation * row_step, tap_step = s.columns.dilation * channels;
  uint64_t reciprocal = reciprocal_of(s.columns.window);
  for (ptrdiff_t image = 0; image < s.images; image++)
    for (ptrdiff_t row = 0; row < s.rows.places; row++) {
      Taps down = taps_at(s.rows, row);
      for (ptrdiff_t column = 0; column < s.columns.places; column++) {
        Taps across = taps_at(s.columns, column);
        ptrdiff_t at = ((image * s.rows.places + row) * s.columns.places + column) * channels, c = 0;
        ptrdiff_t start = (image * s.rows.length + down.origin) * row_step + across.origin * channels;
        int whole = down.end - down.first == s.rows.window && across.end - across.first == s.columns.window;
        for (; whole && c + LANES <= channels; c += LANES)
          // Most signals are mostly zero, often for whole stretches of channels.
          if (__builtin_reduce_or(LOAD(signal + at + c) != (Lanes)0.0f))
            scatter_block(signal + at + c, winners + at + c, output + start + c, reciprocal, s.columns.window,
                          down_step, tap_step);
        for (; c < channels; c++) {
          ptrdiff_t r = (ptrdiff_t)(winners[at + c] * reciprocal >> 32);
          ptrdiff_t k = winners[at + c] - r * s.columns.window;
          if (r >= down.first && r < down.end && k >= across.first && k < across.end)
            output[start + r * down_step + k * tap_step + c] += signal[at + c];
        }
      }
    }
}

// The taps of a window that an average divides by: those on the map, or those up to the end of the padding.
INLINED ptrdiff_t counted(VectorSlide slide, Taps taps, int counts_padding) {
  if (!counts_padding) return taps.end - taps.first;
  ptrdiff_t count = (slide.length + slide.after - taps.origin + slide.dilation - 1) / slide.dilation;
  return count < 0 ? 0 : count < slide.window ? count : slide.window;
}

INLINED float share(VectorSliding s, Taps down, Taps across, int counts_padding) {
  ptrdiff_t count = counted(s.rows, down, counts_padding) * counted(s.columns, across, counts_padding);
  return count > 0 ? 1.0f / (float)count : 0.0f;
}

CLONED void vector_average_pooling(const float *restrict input, float *restrict values, VectorSliding s,
                                   int counts_padding) {
  ptrdiff_t channels = s.channels;
  for (ptrdiff_t image = 0; image < s.images; image++)
    for (ptrdiff_t row = 0; row < s.rows.places; row++)
      for (ptrdiff_t column = 0; column < s.columns.places; column++) {
        Taps down = taps_at(s.rows, row), across = taps_at(s.columns, column);
        float *restrict sum = values + ((image * s.rows.places + row) * s.columns.places + column) * channels;
        for (ptrdiff_t c = 0; c < channels; c++) sum[c] = 0;
        for (ptrdiff_t r = down.first; r < down.end; r++)
          for (ptrdiff_t k = across.first; k < across.end; k++) {
            ptrdiff_t at = (image * s.rows.length + down.origin + r * s.rows.dilation) * s.columns.length
                           + across.origin + k * s.columns.dilation;
            for (ptrdiff_t c = 0; c < channels; c++) sum[c] += input[at * channels + c];
          }
        float scale = share(s, down, across, counts_padding);
        for (ptrdiff_t c = 0; c < channels; c++) sum[c] *= scale;
      }
}

CLONED void vector_average_pooling_transposed(const float *restrict signal, float *restrict output,
                                              VectorSliding s, int counts_padding) {
  ptrdiff_t channels = s.channels;
  for (ptrdiff_t image = 0; image < s.images; image++)
    for (ptrdiff_t row = 0; row < s.rows.places; row++)
      for (ptrdiff_t column = 0; column < s.columns.places; column++) {
        Taps down = taps_at(s.rows, row), across = taps_at(s.columns, column);
        const float *from = signal + ((image * s.rows.places + row) * s.columns.places + column) * channels;
        float scale = share(s, down, across, counts_padding);
        for (ptrdiff_t r = down.first; r < down.end; r++)
          for (ptrdiff_t k = across.first; k < across.end; k++) {
            ptrdiff_t at = (image * s.rows.length + down.origin + r * s.rows.dilation) * s.columns.length
                           + across.origin + k * s.columns.dilation;
            for (ptrdiff_t c = 0; c < channels; c++) output[at * channels + c] += from[c] * scale;
          }
      }
}

CLONED void vector_channel_peaks(const float *restrict input, float *restrict values,
                                 int32_t *restrict positions, ptrdiff_t images, ptrdiff_t count,
                                 ptrdiff_t channels) {
  for (ptrdiff_t image = 0; image < images; image++) {
    const float *map = input + image * count * channels;
    float *value = values + image * channels;
    int32_t *position = positions + image * channels;
    for (ptrdiff_t next = 0; channels >= LANES && next < channels; next += LANES) {
      ptrdiff_t c = next + LANES > channels ? channels - LANES : next;
      Lanes best = LOAD(map + c);
      Marks winner = (Marks)0;
      for (ptrdiff_t p = 1; p < count; p++) {
        Lanes candidate = LOAD(map + p * channels + c);
        Marks wins = ~(candidate <= best) & (best == best);
        best = wins ? candidate : best;
        winner = wins ? (Marks)(int32_t)p : winner;
      }
      STORE(value + c, best);
      *(LooseMarks *)(position + c) = winner;
    }
    for (ptrdiff_t c = 0; channels < LANES && c < channels; c++) {
      value[c] = map[c];
      position[c] = 0;
      for (ptrdiff_t p = 1; p < count; p++)
        if (!(map[p * channels + c] <= value[c]) && value[c] == value[c]) {
          value[c] = map[p * channels + c];
          position[c] = (int32_t)p;
        }
    }
  }
}
