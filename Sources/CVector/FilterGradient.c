#include "Winograd.h"

// The gradient of a convolution's filters: for each element of a window and each unit, the sum over all positions of what
// the element saw times the unit's signal. Sums are kept in float as: point, panel of 16 units, element, 16 units; each
// runs over the positions in order, in one lane of one register, and is stored once a block.
//
// By filtering, the adjoint of what Winograd.c does: a tile's signal is carried to the points (A Y A'), multiplied by the
// transformed input there, and the sums over all tiles are carried to the taps at the end (G' M G). Directly, a window's
// rows are its points, and the elements of a row, neighbours in the map, are the point's elements.

// The values at `point` and at its negative of the polynomial whose coefficients are a line of signals.
INLINED void values_at(const Lanes *restrict y, const int side, double point, Lanes *restrict m) {
  Lanes even = y[0], odd = (float)point * y[1];
  UNROLLED for (int i = 2; i < side; i++)
    if (i % 2)
      odd += power(point, i) * y[i];
    else
      even += power(point, i) * y[i];
  m[0] = even + odd, m[1] = even - odd;
}

// Carries a line of a tile's signals to the points: the transpose of what sums products to outputs.
INLINED void transform_signal_line(const Lanes *restrict y, Lanes *restrict m, const int side, const int count) {
  const Points points = points_of(count);
  m[0] = y[0];
  m[count - 1] = y[side - 1];
  values_at(y, side, points.at[0], m + 1);
  if (count == 4) return;
  values_at(y, side, points.at[1], m + 3);
  if (count == 6) return;
  Lanes alone = y[0];
  UNROLLED for (int i = 1; i < side; i++) alone += power(points.at[2], i) * y[i];
  m[5] = alone;
}

INLINED void transform_signal_panel(const float *restrict from, ptrdiff_t row_step, ptrdiff_t column_step,
                                    float *restrict to, ptrdiff_t step, const int side, const int points) {
  Lanes half[MOST_POINTS][MOST_SIDE];
  UNROLLED for (int c = 0; c < side; c++) {
    Lanes line[MOST_SIDE], carried[MOST_POINTS];
    UNROLLED for (int r = 0; r < side; r++) line[r] = LOAD(from + r * row_step + c * column_step);
    transform_signal_line(line, carried, side, points);
    UNROLLED for (int r = 0; r < points; r++) half[r][c] = carried[r];
  }
  UNROLLED for (int r = 0; r < points; r++) {
    Lanes carried[MOST_POINTS];
    transform_signal_line(half[r], carried, side, points);
    UNROLLED for (int c = 0; c < points; c++) STORE(to + (r * points + c) * step, carried[c]);
  }
}

// To: point, panel of 16 units, tile, 16 units.
INLINED FULL_WIDTH void transform_signal(const float *restrict signal, float *restrict to, VectorWinograd g,
                                         ptrdiff_t first, ptrdiff_t tiles, const int side, const int points) {
  ptrdiff_t panels = chunks_of(g.units), step = point_step(panels, tiles), row_step = g.output_columns * g.output_step;
  Tile tile = tile_at(g, first);
  for (ptrdiff_t t = 0; t < tiles; t++, tile = tile_after(g, tile)) {
    const float *from = signal + output_offset(g, tile);
    ptrdiff_t rows = least(g.output_rows - tile.row, side), columns = least(g.output_columns - tile.column, side);
    for (ptrdiff_t panel = 0; panel < panels; panel++, from += LANES) {
      float *panel_to = to + (panel * tiles + t) * LANES;
      ptrdiff_t some = least(g.units - panel * LANES, LANES);
      if (rows == side && columns == side && some == LANES) {
        transform_signal_panel(from, row_step, g.output_step, panel_to, step, side, points);
        continue;
      }
      float copy[MOST_SIDE * MOST_SIDE * LANES] = {0};
      for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++)
          memcpy(copy + (r * side + c) * LANES, from + r * row_step + c * g.output_step, some * sizeof *copy);
      transform_signal_panel(copy, side * LANES, LANES, panel_to, step, side, points);
    }
  }
}

CLONED static void transform_signals(const float *restrict signal, float *restrict to, VectorWinograd g,
                                     ptrdiff_t first, ptrdiff_t tiles) {
#define SIGNALS(side, points) transform_signal(signal, to, g, first, tiles, side, points)
  switch (points_of_tile(g)) {
    case 4: SIGNALS(2, 4); return;
    case 6:
      switch (g.side) {
        case 2: SIGNALS(2, 6); return;
        case 3: SIGNALS(3, 6); return;
        default: SIGNALS(4, 6); return;
      }
    default:
      switch (g.side) {
        case 3: SIGNALS(3, 7); return;
        case 4: SIGNALS(4, 7); return;
        default: SIGNALS(5, 7); return;
      }
  }
#undef SIGNALS
}

// Adds the products of `rows` elements and `panels` panels over all positions.
INLINED void outer_tile(const float *restrict elements, const float *restrict signals, ptrdiff_t positions,
                        float *restrict sums, ptrdiff_t panel_step, const int rows, const int panels) {
  Lanes kept[8][2];
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int p = 0; p < panels; p++) kept[r][p] = LOAD(sums + p * panel_step + r * LANES);
  for (ptrdiff_t t = 0; t < positions; t++, elements += LANES, signals += LANES) {
    Lanes signal[2];
    UNROLLED for (int p = 0; p < panels; p++) signal[p] = LOAD(signals + p * positions * LANES);
    UNROLLED for (int r = 0; r < rows; r++) {
      Lanes value = (Lanes)elements[r];
      UNROLLED for (int p = 0; p < panels; p++) kept[r][p] += value * signal[p];
    }
  }
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int p = 0; p < panels; p++) STORE(sums + p * panel_step + r * LANES, kept[r][p]);
}

// The sums of one point. Elements are: chunk of 16, position, 16 elements; signals: panel of 16 units, position, 16 units.
INLINED FULL_WIDTH void outer_of(const float *restrict elements, const float *restrict signals,
                                 ptrdiff_t positions, float *restrict sums, ptrdiff_t count, ptrdiff_t panels,
                                 const int most_rows, const int together) {
  ptrdiff_t panel_step = count * LANES, position_step = positions * LANES;
  for (ptrdiff_t panel = 0; panel < panels; panel += together) {
    const int pair = together == 2 && panel + 1 < panels;
    const float *from = signals + panel * position_step;
    for (ptrdiff_t chunk = 0; chunk < count; chunk += LANES) {
      ptrdiff_t some = least(count - chunk, LANES), groups = parts_of(some, most_rows);
      for (ptrdiff_t group = 0, row = 0, rows; group < groups; group++, row += rows) {
        rows = (some - row) / (groups - group);
        const float *at = elements + chunk * positions + row;
        float *to = sums + panel * panel_step + (chunk + row) * LANES;
#define ROWS(n)                                                                                              \
  case n:                                                                                                    \
    if (pair)                                                                                                \
      outer_tile(at, from, positions, to, panel_step, n, 2);                                                 \
    else                                                                                                     \
      outer_tile(at, from, positions, to, panel_step, n, 1);                                                 \
    break;
        switch (rows) {
          ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6)
          default:
            if (most_rows > 6) switch (rows) { ROWS(7) ROWS(8) }
        }
#undef ROWS
      }
    }
  }
}

// Eight elements by two 16-float vectors for AVX-512, so that a chunk is two groups; six by two 8-float ones for AVX2.
#define OUTER(name)                                                                                          \
  static void name(const float *restrict elements, const float *restrict signals, ptrdiff_t positions,       \
                   float *restrict sums, ptrdiff_t count, ptrdiff_t panels)
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) OUTER(outer_v4) {
  outer_of(elements, signals, positions, sums, count, panels, 8, 2);
}
__attribute__((target("arch=x86-64-v3"))) OUTER(outer_v3) {
  outer_of(elements, signals, positions, sums, count, panels, 6, 1);
}
OUTER(outer_v2) { outer_of(elements, signals, positions, sums, count, panels, 2, 1); }
OUTER(outer) {
  if (HAS_V4)
    outer_v4(elements, signals, positions, sums, count, panels);
  else if (HAS_V3)
    outer_v3(elements, signals, positions, sums, count, panels);
  else
    outer_v2(elements, signals, positions, sums, count, panels);
}
#else
OUTER(outer) { outer_of(elements, signals, positions, sums, count, panels, 6, 1); }
#endif

// How many tiles are worked on at once: enough that the sums, read and written once a block, weigh no more than what is
// transformed, as long as that takes no more than 8 MiB.
INLINED ptrdiff_t block_tiles(VectorWinograd g) {
  ptrdiff_t points = points_of_tile(g) * points_of_tile(g), channels = g.channels + g.units;
  ptrdiff_t wanted = most(32, least(g.channels * g.units / channels, 128));
  ptrdiff_t usual = most(16, least(wanted, (2 << 20) / (points * channels))), tiles = vector_winograd_tiles(g);
  return parts_of(tiles, most(1, parts_of(tiles, usual)));
}

ptrdiff_t vector_winograd_gradient_scratch(VectorWinograd g) {
  ptrdiff_t chunks = chunks_of(g.channels), tiles = block_tiles(g), points = points_of_tile(g) * points_of_tile(g);
  return points * (point_step(chunks, tiles) + point_step(chunks_of(g.units), tiles)) + (chunks + 1) * LANES;
}

void vector_winograd_gradient(const float *input, const float *signal, float *sums, VectorWinograd g,
                              float *scratch) {
  ptrdiff_t points = points_of_tile(g) * points_of_tile(g), all = vector_winograd_tiles(g), block = block_tiles(g);
  ptrdiff_t chunks = chunks_of(g.channels), panels = chunks_of(g.units);
  float *transformed = (float *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
  float *signals = transformed + points * point_step(chunks, block);
  float *zeros = signals + points * point_step(panels, block);
  memset(zeros, 0, chunks * LANES * sizeof *zeros);
  for (ptrdiff_t first = 0; first < all; first += block) {
    ptrdiff_t tiles = least(block, all - first);
    vector_winograd_inputs(input, transformed, zeros, g, first, tiles);
    transform_signals(signal, signals, g, first, tiles);
    for (ptrdiff_t point = 0; point < points; point++)
      outer(transformed + point * point_step(chunks, tiles), signals + point * point_step(panels, tiles), tiles,
            sums + point * panels * g.channels * LANES, g.channels, panels);
  }
}

CLONED void vector_winograd_gradient_filter(const float *restrict sums, float *restrict filters, ptrdiff_t units,
                                            ptrdiff_t channels, ptrdiff_t side, ptrdiff_t window, ptrdiff_t stride,
                                            ptrdiff_t whole_window) {
  ptrdiff_t points = side + window - 1, panels = chunks_of(units), step = panels * channels * LANES;
  ptrdiff_t each = channels / (stride * stride);
  double matrix[MOST_POINTS][MOST_WINDOW], half[MOST_WINDOW][MOST_POINTS][LANES], taps[LANES];
  filter_matrix(matrix, points, window);
  for (ptrdiff_t panel = 0; panel < panels; panel++)
    for (ptrdiff_t k = 0; k < channels; k++, sums += LANES) {
      for (ptrdiff_t r = 0; r < window; r++)
        for (ptrdiff_t j = 0; j < points; j++) {
          memset(half[r][j], 0, sizeof half[r][j]);
          for (ptrdiff_t i = 0; i < points; i++)
            for (int lane = 0; lane < LANES; lane++)
              half[r][j][lane] += matrix[i][r] * sums[(i * points + j) * step + lane];
        }
      // A channel over squares is one of the map's, at a row and a column of the square.
      ptrdiff_t inner = k / each, channel = k % each, some = least(units - panel * LANES, LANES);
      for (ptrdiff_t r = 0; r < window; r++)
        for (ptrdiff_t c = 0; c < window; c++) {
          ptrdiff_t row = r * stride + inner / stride, column = c * stride + inner % stride;
          if (row >= whole_window || column >= whole_window) continue;
          memset(taps, 0, sizeof taps);
          for (ptrdiff_t j = 0; j < points; j++)
            for (int lane = 0; lane < LANES; lane++) taps[lane] += matrix[j][c] * half[r][j][lane];
          float *to = filters + ((panel * LANES * whole_window + row) * whole_window + column) * each + channel;
          for (ptrdiff_t lane = 0; lane < some; lane++)
            to[lane * whole_window * whole_window * each] = (float)taps[lane];
        }
    }
}

// A window's runs of neighbouring elements: its rows or, where its columns stand apart, all its taps.
typedef struct Runs {
  ptrdiff_t count, across, elements;
} Runs;

INLINED Runs runs_of(VectorSliding g) {
  if (g.columns.dilation == 1) return (Runs){g.rows.window, 1, g.columns.window * g.channels};
  return (Runs){g.rows.window * g.columns.window, g.columns.window, g.channels};
}

// How many positions are worked on at once.
INLINED ptrdiff_t block_positions(VectorSliding g) {
  ptrdiff_t elements = chunks_of(runs_of(g).elements) * LANES, all = g.images * g.rows.places * g.columns.places;
  return least(all, most(32, least((1 << 18) / elements, 128)));
}

ptrdiff_t vector_direct_gradient_sums(VectorSliding g, ptrdiff_t units) {
  return chunks_of(units) * LANES * g.rows.window * g.columns.window * g.channels;
}

ptrdiff_t vector_direct_gradient_scratch(VectorSliding g, ptrdiff_t units) {
  return block_positions(g) * (chunks_of(runs_of(g).elements) + chunks_of(units)) * LANES;
}

// Rows of `count` floats as chunk of 16, row, 16 floats; lanes past a row's end are left as they are, as their sums are
// nobody's.
INLINED void chunk_row(const float *restrict from, float *restrict to, ptrdiff_t row, ptrdiff_t rows,
                       ptrdiff_t count) {
  ptrdiff_t k = 0;
  for (to += row * LANES; k + LANES <= count; k += LANES, to += rows * LANES) STORE(to, LOAD(from + k));
  if (k < count) memcpy(to, from + k, (count - k) * sizeof *to);
}

// The elements that a run of some windows saw, zeros where it hangs over the map's edge.
CLONED static void gather_runs(const float *restrict input, float *restrict to, VectorSliding g, Runs runs,
                               ptrdiff_t run, ptrdiff_t first, ptrdiff_t positions) {
  ptrdiff_t across = g.columns.places, row_tap = run / runs.across, column_tap = run % runs.across;
  ptrdiff_t taps = runs.elements / g.channels;
  for (ptrdiff_t t = 0; t < positions; t++) {
    ptrdiff_t place = first + t, image = place / (g.rows.places * across);
    ptrdiff_t row = place / across % g.rows.places * g.rows.stride - g.rows.before + row_tap * g.rows.dilation;
    ptrdiff_t column = place % across * g.columns.stride - g.columns.before + column_tap * g.columns.dilation;
    ptrdiff_t start = most(0, -column), end = least(taps, g.columns.length - column);
    const int isInside = row >= 0 && row < g.rows.length && start < end;
    const float *from = input;
    if (isInside) from += ((image * g.rows.length + row) * g.columns.length + column + start) * g.channels;
    if (isInside && start == 0 && end == taps) {
      chunk_row(from, to, t, positions, runs.elements);
      continue;
    }
    for (ptrdiff_t k = 0; k < runs.elements; k++) {
      const int isSeen = isInside && k >= start * g.channels && k < end * g.channels;
      to[(k / LANES * positions + t) * LANES + k % LANES] = isSeen ? from[k - start * g.channels] : 0;
    }
  }
}

CLONED static void gather_signals(const float *restrict signal, float *restrict to, ptrdiff_t units,
                                  ptrdiff_t positions) {
  for (ptrdiff_t t = 0; t < positions; t++) chunk_row(signal + t * units, to, t, positions, units);
}

void vector_direct_gradient(const float *input, const float *signal, float *sums, VectorSliding g,
                            ptrdiff_t units, float *scratch) {
  ptrdiff_t all = g.images * g.rows.places * g.columns.places, block = block_positions(g);
  const Runs runs = runs_of(g);
  ptrdiff_t chunks = chunks_of(runs.elements), panels = chunks_of(units);
  float *elements = scratch, *signals = scratch + block * chunks * LANES;
  for (ptrdiff_t first = 0; first < all; first += block) {
    ptrdiff_t positions = least(block, all - first);
    gather_signals(signal + first * units, signals, units, positions);
    for (ptrdiff_t run = 0; run < runs.count; run++) {
      gather_runs(input, elements, g, runs, run, first, positions);
      outer(elements, signals, positions, sums + run * panels * runs.elements * LANES, runs.elements, panels);
    }
  }
}

CLONED void vector_direct_gradient_filter(const float *restrict sums, float *restrict filters, VectorSliding g,
                                          ptrdiff_t units) {
  const Runs runs = runs_of(g);
  ptrdiff_t panels = chunks_of(units), unit_step = runs.count * runs.elements;
  for (ptrdiff_t run = 0; run < runs.count; run++)
    for (ptrdiff_t panel = 0; panel < panels; panel++)
      for (ptrdiff_t k = 0; k < runs.elements; k++, sums += LANES) {
        float *to = filters + panel * LANES * unit_step + run * runs.elements + k;
        ptrdiff_t some = least(units - panel * LANES, LANES);
        for (ptrdiff_t lane = 0; lane < some; lane++) to[lane * unit_step] = sums[lane];
      }
}
