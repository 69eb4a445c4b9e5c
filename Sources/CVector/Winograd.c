#include "Winograd.h"

// Winograd's minimal filtering (Lavin & Gray 2015, arXiv 1509.09308): a tile of `side` x `side` outputs of a window
// of 3x3, 4x4 or 5x5 is A'((G g G') * (B' d B)) A, where g is the filter, d the tile of inputs, `points` an edge (one less than side
// and window together), and * multiplies element by element. Summed over channels, the products at each of the points are
// a matrix product: tiles x channels by channels x units.
//
// B, G and A come from interpolation at 0, infinity and, by their number, the points that `points_of` lists. Which points
// they are changes the rounding alone: the usual 1 and 2 have two to three times the error of 11/16 and 3/2. B depends on
// the points alone, so a 5x5 window with tiles of 2 has that of a 3x3 one with tiles of 4.
//
// Scratch memory holds, of a block of tiles:
//   the transformed input: point, chunk of 16 channels, tile, 16 channels
//   the products:          point, panel of 16 units, tile, 16 units
// Transformed filters are: point, panel of 16 units, channel, 16 units (zeros past the last unit).
// Each sum runs over the channels in order, in one lane of one register, whatever the tiles beside it.

// How many tiles are worked on at once: about 48. A point's transformed tiles and products then stay in the
// second-level cache, and each panel of filters, read from further away, serves three groups of rows or more.
INLINED ptrdiff_t block_tiles(VectorShare share) {
  ptrdiff_t tiles = share.end_tile - share.first_tile, usual = 48;
  ptrdiff_t blocks = (tiles + usual / 2) / usual;
  return blocks > 1 ? (tiles + blocks - 1) / blocks : tiles;
}

ptrdiff_t vector_winograd_tiles(VectorWinograd g) {
  return g.images * ((g.output_rows + g.side - 1) / g.side) * ((g.output_columns + g.side - 1) / g.side);
}

ptrdiff_t vector_winograd_filters(ptrdiff_t units, ptrdiff_t channels, ptrdiff_t side, ptrdiff_t window) {
  ptrdiff_t points = side + window - 1;
  return points * points * chunks_of(units) * channels * LANES;
}

ptrdiff_t vector_winograd_scratch(VectorWinograd g, VectorShare share) {
  if (share.end_tile <= share.first_tile || share.end_unit <= share.first_unit) return 0;
  ptrdiff_t chunks = chunks_of(g.channels), panels = chunks_of(share.end_unit - share.first_unit);
  ptrdiff_t tiles = block_tiles(share), points = points_of_tile(g) * points_of_tile(g);
  // A cache line more, to begin on a 64-byte boundary.
  ptrdiff_t step = point_step(chunks, tiles) + point_step(panels, tiles);
  return points * step + (chunks + panels + 1) * LANES;
}

CLONED void vector_winograd_filter(const float *restrict filters, float *restrict transformed, ptrdiff_t units,
                                   ptrdiff_t channels, ptrdiff_t side, ptrdiff_t window, int turned) {
  ptrdiff_t points = side + window - 1, inner = turned ? units : channels, outer = turned ? channels : units;
  ptrdiff_t panels = chunks_of(outer), step = panels * inner * LANES, elements = window * window;
  ptrdiff_t inner_step = turned ? elements * channels : 1, outer_step = turned ? 1 : elements * channels;
  double matrix[MOST_POINTS][MOST_WINDOW], taps[MOST_WINDOW * MOST_WINDOW][LANES];
  double half[MOST_POINTS][MOST_WINDOW][LANES], sums[LANES];
  filter_matrix(matrix, points, window);
  for (ptrdiff_t panel = 0; panel < panels; panel++) {
    ptrdiff_t some = least(outer - panel * LANES, LANES);
    memset(taps, 0, sizeof taps);
    for (ptrdiff_t k = 0; k < inner; k++, transformed += LANES) {
      for (ptrdiff_t tap = 0; tap < elements; tap++) {
        const float *from = filters + panel * LANES * outer_step + k * inner_step;
        from += (turned ? elements - 1 - tap : tap) * channels;
        for (ptrdiff_t lane = 0; lane < some; lane++) taps[tap][lane] = from[lane * outer_step];
      }
      for (ptrdiff_t i = 0; i < points; i++)
        for (ptrdiff_t c = 0; c < window; c++) {
          memset(half[i][c], 0, sizeof half[i][c]);
          for (ptrdiff_t r = 0; r < window; r++)
            for (int lane = 0; lane < LANES; lane++) half[i][c][lane] += matrix[i][r] * taps[r * window + c][lane];
        }
      for (ptrdiff_t i = 0; i < points; i++)
        for (ptrdiff_t j = 0; j < points; j++) {
          memset(sums, 0, sizeof sums);
          for (ptrdiff_t c = 0; c < window; c++)
            for (int lane = 0; lane < LANES; lane++) sums[lane] += matrix[j][c] * half[i][c][lane];
          float *to = transformed + (i * points + j) * step;
          for (int lane = 0; lane < LANES; lane++) to[lane] = (float)sums[lane];
        }
    }
  }
}

// One row or column of an input tile, where it stands. Each result belongs to a point; its factors are the
// coefficients of the polynomial whose roots are the other points.
INLINED void transform_input_line(Lanes *restrict d, const int count) {
  const Points points = points_of(count);
  const double a = points.at[0], b = points.at[1], c = points.at[2], a2 = a * a, b2 = b * b;
  if (count == 4) {
    Lanes first = d[2] - d[0], second = d[1] + d[2], third = d[2] - d[1];
    d[3] = d[3] - d[1];
    d[0] = first, d[1] = second, d[2] = third;
  } else {
    const float product = (float)(a2 * b2), sum = (float)(a2 + b2), alone = (float)c;
    if (count == 7) {
      // The factor of the point that stands alone leaves the polynomials of six points.
      Lanes at_alone = product * d[1] + (d[5] - sum * d[3]);
      d[6] = (product * d[2] + (d[6] - sum * d[4])) - alone * at_alone;
      UNROLLED for (int i = 0; i < 5; i++) d[i] = d[i + 1] - alone * d[i];
      d[5] = at_alone;
    } else {
      d[5] = product * d[1] + (d[5] - sum * d[3]);
    }
    Lanes even = d[4] - (float)b2 * d[2], odd = d[3] - (float)b2 * d[1];
    Lanes other_even = d[4] - (float)a2 * d[2], other_odd = d[3] - (float)a2 * d[1];
    d[0] = product * d[0] + (d[4] - sum * d[2]);
    d[1] = even + (float)a * odd;
    d[2] = even - (float)a * odd;
    d[3] = other_even + (float)b * other_odd;
    d[4] = other_even - (float)b * other_odd;
  }
}

// One row or column of a tile's products, summed to `side` outputs: each product times its point's powers.
INLINED void transform_output_line(const Lanes *restrict m, Lanes *restrict y, const int side,
                                   const int count) {
  const Points points = points_of(count);
  const double a = points.at[0], b = points.at[1], c = points.at[2];
  Lanes even = m[1] + m[2], odd = m[1] - m[2];
  if (count == 4) {
    y[0] = m[0] + even;
    y[1] = m[3] + odd;
    return;
  }
  Lanes second_even = m[3] + m[4], second_odd = m[3] - m[4];
  UNROLLED for (int i = 0; i < side; i++) {
    Lanes sum = power(a, i) * (i % 2 ? odd : even);
    sum += power(b, i) * (i % 2 ? second_odd : second_even);
    if (count == 7) sum += power(c, i) * m[5];
    if (i == 0) sum += m[0];
    if (i == side - 1) sum += m[count - 1];
    y[i] = sum;
  }
}

// Floats from the map's first to the tile's first position; it may lie in the padding.
INLINED ptrdiff_t input_offset(VectorWinograd g, Tile tile) {
  ptrdiff_t row = tile.image * g.rows + tile.row - g.rows_before;
  return (row * g.columns + tile.column - g.columns_before) * g.input_step;
}

// An address that is only fetched, so it need not be one of the map's.
INLINED const void *ahead_of(const float *map, ptrdiff_t offset) {
  return (const void *)((uintptr_t)map + (uintptr_t)offset * sizeof(float));
}

// Transforms sixteen channels of a tile and writes them to every point. The inputs are steps apart or, if given,
// at `positions`.
INLINED void transform_chunk(const float *restrict from, ptrdiff_t row_step, ptrdiff_t column_step,
                             const float *const *restrict positions, ptrdiff_t offset, float *restrict to,
                             ptrdiff_t step, const int points) {
  Lanes half[MOST_POINTS][MOST_POINTS];
  UNROLLED for (int r = 0; r < points; r++) {
    Lanes line[MOST_POINTS];
    UNROLLED for (int c = 0; c < points; c++)
      line[c] = LOAD(positions ? positions[r * points + c] + offset : from + r * row_step + c * column_step);
    transform_input_line(line, points);
    UNROLLED for (int c = 0; c < points; c++) half[c][r] = line[c];
  }
  UNROLLED for (int c = 0; c < points; c++) {
    transform_input_line(half[c], points);
    UNROLLED for (int r = 0; r < points; r++) STORE(to + (r * points + c) * step, half[c][r]);
  }
}

// `zeros` are as many as a position's channels, rounded up.
INLINED FULL_WIDTH void transform_input(const float *restrict input, float *restrict to,
                                        const float *restrict zeros, VectorWinograd g, ptrdiff_t first,
                                        ptrdiff_t tiles, const int points) {
  ptrdiff_t chunks = chunks_of(g.channels), step = point_step(chunks, tiles);
  ptrdiff_t row_step = g.columns * g.input_step;
  // A last chunk reads past its channels, to lanes that no product uses; but nothing is read past the input.
  const ptrdiff_t end = (g.images * g.rows * g.columns - 1) * g.input_step + g.channels;
  Tile tile = tile_at(g, first);
  for (ptrdiff_t t = 0; t < tiles; t++) {
    Tile next = tile_after(g, tile);
    ptrdiff_t row = tile.row - g.rows_before, column = tile.column - g.columns_before;
    ptrdiff_t offset = input_offset(g, tile), ahead = input_offset(g, next), chunk = 0, full = chunks;
    float *tile_to = to + t * LANES;
    if (row >= 0 && row + points <= g.rows && column >= 0 && column + points <= g.columns) {
      if (offset + (points - 1) * (row_step + g.input_step) + chunks * LANES > end) full--;
      for (; chunk < full; chunk++) {
        // The next tile shares two columns with this one, and two rows with one above.
        UNROLLED for (int r = 2; r < points; r++)
          UNROLLED for (int c = 2; c < points; c++)
            __builtin_prefetch(ahead_of(input, ahead + r * row_step + c * g.input_step), 0, 3);
        ahead += LANES;
        transform_chunk(input + offset + chunk * LANES, row_step, g.input_step, NULL, 0,
                        tile_to + chunk * tiles * LANES, step, points);
      }
      if (chunk == chunks) {
        tile = next;
        continue;
      }
    }
    const float *positions[MOST_POINTS * MOST_POINTS];
    ptrdiff_t furthest = 0;
    for (int r = 0; r < points; r++)
      for (int c = 0; c < points; c++) {
        ptrdiff_t at = offset + r * row_step + c * g.input_step;
        int inside = row + r >= 0 && row + r < g.rows && column + c >= 0 && column + c < g.columns;
        positions[r * points + c] = inside ? input + at : zeros;
        if (inside) furthest = at;
      }
    full = furthest + chunks * LANES > end ? chunks - 1 : chunks;
    for (; chunk < full; chunk++)
      transform_chunk(NULL, 0, 0, positions, chunk * LANES, tile_to + chunk * tiles * LANES, step, points);
    if (chunk < chunks) {
      float copy[MOST_POINTS * MOST_POINTS * LANES] = {0};
      for (int p = 0; p < points * points; p++)
        for (ptrdiff_t k = chunk * LANES; k < g.channels; k++)
          copy[p * LANES + k % LANES] = positions[p][k];
      transform_chunk(copy, points * LANES, LANES, NULL, 0, tile_to + chunk * tiles * LANES, step, points);
    }
    tile = next;
  }
}

// What is fetched while a product runs: from `next` on `step` bytes a channel, and the same `other` bytes further.
// Numbers, not pointers, because they go past the last filters.
typedef struct Ahead {
  uintptr_t next, step, other;
} Ahead;

// Sums `rows` tiles times `panels` panels of units over the channels.
INLINED void product_tile(const float *restrict tiles, ptrdiff_t chunk_step, const float *restrict filters,
                          ptrdiff_t panel_step, ptrdiff_t channels, float *restrict products,
                          ptrdiff_t product_step, Ahead ahead, const int rows, const int panels) {
  Lanes sums[12][2];
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int p = 0; p < panels; p++) sums[r][p] = (Lanes)0.0f;
  for (ptrdiff_t left = channels; left > 0; left -= LANES, tiles += chunk_step) {
    ptrdiff_t count = least(left, LANES);
    for (ptrdiff_t k = 0; k < count; k++) {
      Lanes weights[2];
      UNROLLED for (int p = 0; p < panels; p++) weights[p] = LOAD(filters + p * panel_step);
      filters += LANES;
      __builtin_prefetch((const void *)ahead.next, 0, 2);
      if (panels == 2) __builtin_prefetch((const void *)(ahead.next + ahead.other), 0, 2);
      ahead.next += ahead.step;
      UNROLLED for (int r = 0; r < rows; r++) {
        Lanes value = (Lanes)tiles[r * LANES + k];
        UNROLLED for (int p = 0; p < panels; p++) sums[r][p] += value * weights[p];
      }
    }
  }
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int p = 0; p < panels; p++) STORE(products + p * product_step + r * LANES, sums[r][p]);
}

// The products at one point, `tiles` rows times `panels` panels, in groups of at most `most` rows and `together`
// panels.
INLINED FULL_WIDTH void product_of(const float *restrict transformed, const float *restrict filters,
                                   float *restrict products, ptrdiff_t tiles, ptrdiff_t channels,
                                   ptrdiff_t panels, const int most, const int together) {
  ptrdiff_t tile_step = tiles * LANES, panel_step = channels * LANES, groups = (tiles + most - 1) / most;
  const uintptr_t panel_bytes = (uintptr_t)panel_step * sizeof(float);
  for (ptrdiff_t panel = 0; panel < panels; panel += together) {
    const int pair = together == 2 && panel + 1 < panels;
    const float *weights = filters + panel * panel_step;
    // While these panels are used the next are fetched: one with each of the first groups of rows, or both with
    // the only group.
    const ptrdiff_t fetched = pair ? 2 : 1;
    Ahead ahead = {(uintptr_t)weights + fetched * panel_bytes, LANES * sizeof(float),
                   groups == 1 ? panel_bytes : 0};
    for (ptrdiff_t group = 0, t = 0, rows; group < groups; group++, t += rows) {
      rows = (tiles - t) / (groups - group);
      const float *from = transformed + t * LANES;
      float *to = products + (panel * tiles + t) * LANES;
      if (group == fetched) ahead.next = (uintptr_t)weights, ahead.step = 0;
#define ROWS(n)                                                                                              \
  case n:                                                                                                    \
    if (pair)                                                                                                \
      product_tile(from, tile_step, weights, panel_step, channels, to, tile_step, ahead, n, 2);              \
    else                                                                                                     \
      product_tile(from, tile_step, weights, panel_step, channels, to, tile_step, ahead, n, 1);              \
    break;
      switch (rows) {
        ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6)
        default:
          if (most > 6) switch (rows) { ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12) }
      }
#undef ROWS
      if (group < fetched) ahead.next += panel_bytes;
    }
  }
}

// Twelve rows of two 16-float vectors fill AVX-512's 32 registers; six rows of two 8-float ones AVX2's 16. The
// shape differs, so clones of one function will not do.
#define PRODUCT(name)                                                                                        \
  static void name(const float *restrict transformed, const float *restrict filters,                         \
                   float *restrict products, ptrdiff_t tiles, ptrdiff_t channels, ptrdiff_t panels)
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) PRODUCT(product_v4) {
  product_of(transformed, filters, products, tiles, channels, panels, 12, 2);
}
__attribute__((target("arch=x86-64-v3"))) PRODUCT(product_v3) {
  product_of(transformed, filters, products, tiles, channels, panels, 6, 1);
}
PRODUCT(product_v2) { product_of(transformed, filters, products, tiles, channels, panels, 2, 1); }
PRODUCT(product) {
  if (HAS_V4)
    product_v4(transformed, filters, products, tiles, channels, panels);
  else if (HAS_V3)
    product_v3(transformed, filters, products, tiles, channels, panels);
  else
    product_v2(transformed, filters, products, tiles, channels, panels);
}
#else
PRODUCT(product) { product_of(transformed, filters, products, tiles, channels, panels, 6, 1); }
#endif

// Sums the products of sixteen units to the outputs of a tile, each at its place.
INLINED void transform_panel(const float *restrict products, ptrdiff_t step, const float *restrict bias,
                             float *restrict output, ptrdiff_t row_step, ptrdiff_t column_step,
                             const int accumulates, float floor, const int side, const int points) {
  Lanes half[MOST_SIDE][MOST_POINTS];
  UNROLLED for (int c = 0; c < points; c++) {
    Lanes line[MOST_POINTS], sums[MOST_SIDE];
    UNROLLED for (int r = 0; r < points; r++) line[r] = LOAD(products + (r * points + c) * step);
    transform_output_line(line, sums, side, points);
    UNROLLED for (int r = 0; r < side; r++) half[r][c] = sums[r];
  }
  Lanes biases = LOAD(bias), floors = (Lanes)floor;
  UNROLLED for (int r = 0; r < side; r++) {
    Lanes line[MOST_SIDE];
    transform_output_line(half[r], line, side, points);
    UNROLLED for (int c = 0; c < side; c++) {
      ptrdiff_t at = r * row_step + c * column_step;
      Lanes value = line[c] + biases;
      if (accumulates) value += LOAD(output + at);
      STORE(output + at, value < floors ? floors : value);
    }
  }
}

INLINED FULL_WIDTH void transform_output(const float *restrict products, const float *restrict biases,
                                         float *restrict output, VectorWinograd g, ptrdiff_t first,
                                         ptrdiff_t tiles, ptrdiff_t first_unit, ptrdiff_t end_unit,
                                         VectorFinish finish, const int side, const int points) {
  ptrdiff_t panels = chunks_of(end_unit - first_unit), step = point_step(panels, tiles);
  ptrdiff_t whole_panels = (end_unit - first_unit) / LANES, row_step = g.output_columns * g.output_step;
  const float floor = floor_of(finish);
  float sums[MOST_SIDE * MOST_SIDE * LANES];
  Tile tile = tile_at(g, first);
  for (ptrdiff_t t = 0; t < tiles; t++) {
    Tile next = tile_after(g, tile);
    ptrdiff_t offset = output_offset(g, tile) + first_unit, ahead = output_offset(g, next) + first_unit;
    ptrdiff_t rows = least(g.output_rows - tile.row, side);
    ptrdiff_t columns = least(g.output_columns - tile.column, side), panel = 0;
    if (rows == side && columns == side)
      for (; panel < whole_panels; panel++, offset += LANES, ahead += LANES) {
        const float *from = products + (panel * tiles + t) * LANES, *bias = biases + panel * LANES;
        UNROLLED for (int r = 0; r < side; r++)
          UNROLLED for (int c = 0; c < side; c++)
            __builtin_prefetch(ahead_of(output, ahead + r * row_step + c * g.output_step), 1, 3);
        if (finish.accumulates)
          transform_panel(from, step, bias, output + offset, row_step, g.output_step, 1, floor, side, points);
        else
          transform_panel(from, step, bias, output + offset, row_step, g.output_step, 0, floor, side, points);
      }
    // Where a tile or a panel is not whole, what belongs to the map is copied.
    for (; panel < panels; panel++, offset += LANES) {
      transform_panel(products + (panel * tiles + t) * LANES, step, biases + panel * LANES, sums,
                      side * LANES, LANES, 0, finish.accumulates ? -__builtin_inff() : floor, side, points);
      ptrdiff_t some = least(end_unit - first_unit - panel * LANES, LANES);
      for (ptrdiff_t r = 0; r < rows; r++)
        for (ptrdiff_t c = 0; c < columns; c++) {
          ptrdiff_t at = offset + r * row_step + c * g.output_step;
          float *from = sums + (r * side + c) * LANES;
          if (finish.accumulates)
            for (ptrdiff_t k = 0; k < some; k++) {
              float value = from[k] + output[at + k];
              from[k] = value < floor ? floor : value;
            }
          if (some == LANES)
            STORE(output + at, LOAD(from));
          else
            for (ptrdiff_t k = 0; k < some; k++) output[at + k] = from[k];
        }
    }
    if (has_function(finish))
      for (ptrdiff_t r = 0; r < rows; r++)
        vector_finishing(finish, output + output_offset(g, tile) + r * row_step, columns, first_unit, end_unit,
                       g.output_step);
    tile = next;
  }
}

CLONED void vector_winograd_inputs(const float *restrict input, float *restrict to, const float *restrict zeros,
                                   VectorWinograd g, ptrdiff_t first, ptrdiff_t tiles) {
  switch (points_of_tile(g)) {
    case 4: transform_input(input, to, zeros, g, first, tiles, 4); return;
    case 6: transform_input(input, to, zeros, g, first, tiles, 6); return;
    default: transform_input(input, to, zeros, g, first, tiles, 7); return;
  }
}

CLONED static void transform_outputs(const float *restrict products, const float *restrict biases,
                                     float *restrict output, VectorWinograd g, ptrdiff_t first,
                                     ptrdiff_t tiles, ptrdiff_t first_unit, ptrdiff_t end_unit,
                                     VectorFinish finish) {
#define OUTPUTS(side, points)                                                                                \
  transform_output(products, biases, output, g, first, tiles, first_unit, end_unit, finish, side, points)
  if (g.window == 3)
    switch (g.side) {
      case 2: OUTPUTS(2, 4); return;
      case 4: OUTPUTS(4, 6); return;
      default: OUTPUTS(5, 7); return;
    }
  if (g.window == 4)
    switch (g.side) {
      case 3: OUTPUTS(3, 6); return;
      default: OUTPUTS(4, 7); return;
    }
  if (g.side == 2)
    OUTPUTS(2, 6);
  else
    OUTPUTS(3, 7);
#undef OUTPUTS
}

void vector_winograd(const float *input, const float *filters, const float *bias, float *output,
                     VectorWinograd g, VectorShare share, VectorFinish finish, float *scratch) {
  if (share.end_tile <= share.first_tile || share.end_unit <= share.first_unit) return;
  ptrdiff_t points = points_of_tile(g) * points_of_tile(g), units = share.end_unit - share.first_unit;
  ptrdiff_t chunks = chunks_of(g.channels), panels = chunks_of(units), block = block_tiles(share);
  ptrdiff_t filter_step = chunks_of(g.units) * g.channels * LANES;
  float *transformed = (float *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63);
  float *products = transformed + points * point_step(chunks, block);
  float *zeros = products + points * point_step(panels, block), *biases = zeros + chunks * LANES;
  memset(zeros, 0, (chunks + panels) * LANES * sizeof *zeros);
  if (bias) memcpy(biases, bias + share.first_unit, units * sizeof *bias);
  for (ptrdiff_t first = share.first_tile; first < share.end_tile; first += block) {
    ptrdiff_t tiles = least(block, share.end_tile - first);
    vector_winograd_inputs(input, transformed, zeros, g, first, tiles);
    for (ptrdiff_t point = 0; point < points; point++)
      product(transformed + point * point_step(chunks, tiles),
              filters + point * filter_step + share.first_unit * g.channels,
              products + point * point_step(panels, tiles), tiles, g.channels, panels);
    transform_outputs(products, biases, output, g, first, tiles, share.first_unit, share.end_unit, finish);
  }
}
