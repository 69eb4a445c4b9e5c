#include "Clones.h"

// A convolution by sums over its windows: each output is the sum over the window's rows, columns and channels, in this
// order, in one lane of one register.
//
// A row of outputs is cut into tiles of at most 12 positions (6 without AVX-512). Their windows are read where they
// stand, as runs of neighbouring elements; where windows hang over the map's edge, the rows that a block of tiles reads
// are copied first, with their padding. A block is what fits the second-level cache: it is multiplied by one panel of
// filters after another.
//
// Packed filters are: group, panel of 16 units, window row, window column, channel, 16 units (zeros past the last).

// Floats of the inputs that a block reads: a quarter of a second-level cache of a mebibyte.
enum { BLOCK_FLOATS = 1 << 16 };

INLINED ptrdiff_t positions_of_tile(void) { return HAS_V4 ? 12 : 6; }
INLINED ptrdiff_t reach_of(VectorSlide slide) { return (slide.window - 1) * slide.dilation + 1; }
// Positions of the map that a row of so many places covers.
INLINED ptrdiff_t covered(VectorSlide slide, ptrdiff_t places) {
  return (places - 1) * slide.stride + reach_of(slide);
}
INLINED int hangs_over(VectorSlide slide) {
  return slide.before != 0 || covered(slide, slide.places) > slide.length;
}

// The same convolution with rows as long as they can be: where every position stands alone, all are one row.
INLINED VectorDirect flattened(VectorDirect g) {
  int alone = g.rows.window == 1 && g.columns.window == 1 && g.rows.stride == 1 && g.columns.stride == 1 &&
              g.rows.places == g.rows.length && g.columns.places == g.columns.length && g.rows.before == 0 &&
              g.columns.before == 0;
  if (!alone) return g;
  ptrdiff_t positions = g.images * g.rows.length * g.columns.length;
  g.images = 1, g.rows.length = g.rows.places = 1, g.columns.length = g.columns.places = positions;
  return g;
}

INLINED ptrdiff_t tiles_of_row(VectorDirect g) { return parts_of(g.columns.places, positions_of_tile()); }

ptrdiff_t vector_direct_tiles(VectorDirect g) {
  g = flattened(g);
  return g.images * g.rows.places * tiles_of_row(g);
}

// How many tiles are in a block.
INLINED ptrdiff_t block_tiles(VectorDirect g) {
  ptrdiff_t positions = BLOCK_FLOATS / most(g.rows.stride * g.columns.stride * g.channels, 4 * LANES);
  return most(4, least(positions / positions_of_tile(), 64));
}

ptrdiff_t vector_direct_scratch(VectorDirect g) {
  g = flattened(g);
  ptrdiff_t floats = (parts_of(g.units, LANES) + g.groups) * LANES;
  if (hangs_over(g.rows) || hangs_over(g.columns)) {
    ptrdiff_t rows = least(parts_of(block_tiles(g), tiles_of_row(g)) + 1, g.rows.places);
    floats += covered(g.rows, rows) * covered(g.columns, g.columns.places) * g.channels;
  }
  return floats;
}

ptrdiff_t vector_direct_filters(ptrdiff_t units, ptrdiff_t elements, ptrdiff_t groups) {
  return groups * parts_of(units / groups, LANES) * elements * LANES;
}

CLONED void vector_direct_filter(const float *restrict filters, float *restrict packed, ptrdiff_t units,
                                 ptrdiff_t elements, ptrdiff_t groups) {
  ptrdiff_t each = units / groups;
  for (ptrdiff_t group = 0; group < groups; group++, filters += each * elements)
    for (ptrdiff_t first = 0; first < each; first += LANES) {
      ptrdiff_t some = least(each - first, LANES);
      for (ptrdiff_t k = 0; k < elements; k++, packed += LANES)
        for (ptrdiff_t lane = 0; lane < LANES; lane++)
          packed[lane] = lane < some ? filters[(first + lane) * elements + k] : 0;
    }
}

// Where a window's elements lie: `outer` times `inner` runs.
typedef struct Reach {
  ptrdiff_t outer, outer_step, inner, inner_step, run;
} Reach;

// What becomes of a sum: with its bias, and with what stood there if asked, it is at least `floor`.
typedef struct Finish {
  const float *biases;
  int accumulates;
  float floor;
} Finish;

// Some tiles of an image's or a group's outputs, and the windows of the first position of their first row.
typedef struct Block {
  const float *input;
  ptrdiff_t input_row, input_step;
  float *output;
  ptrdiff_t output_row, output_step;
  ptrdiff_t columns, tiles_of_row, first, end, units;
} Block;

// `rows` positions by `panels` panels; `ahead` is fetched from meanwhile, a number because it may go past the end.
INLINED void tile_of(const float *from, ptrdiff_t row_step, Reach reach, const float *restrict filters,
                     ptrdiff_t panel_step, uintptr_t ahead, float *output, ptrdiff_t output_step, Finish finish,
                     ptrdiff_t units, const int rows, const int panels) {
  Lanes sums[12][2];
  UNROLLED for (int r = 0; r < rows; r++)
    UNROLLED for (int p = 0; p < panels; p++) sums[r][p] = (Lanes)0.0f;
  for (ptrdiff_t o = 0; o < reach.outer; o++)
    for (ptrdiff_t i = 0; i < reach.inner; i++) {
      const float *first = from + o * reach.outer_step + i * reach.inner_step;
      const float *at[4] = {first, first + 3 * row_step, first + 6 * row_step, first + 9 * row_step};
      for (ptrdiff_t k = 0; k < reach.run; k++) {
        Lanes weights[2];
        UNROLLED for (int p = 0; p < panels; p++) weights[p] = LOAD(filters + p * panel_step);
        filters += LANES;
        __builtin_prefetch((const void *)ahead, 0, 2);
        ahead += LANES * sizeof(float);
        UNROLLED for (int r = 0; r < rows; r++) {
          Lanes value = (Lanes)at[r / 3][r % 3 * row_step];
          UNROLLED for (int p = 0; p < panels; p++) sums[r][p] += value * weights[p];
        }
        UNROLLED for (int q = 0; q < (rows + 2) / 3; q++) {
          at[q]++;
          // Opaque, or the compiler would keep a pointer for each row and run out of registers.
          __asm__("" : "+r"(at[q]));
        }
      }
    }
  const Lanes floors = (Lanes)finish.floor;
  UNROLLED for (int p = 0; p < panels; p++) {
    Lanes biases = LOAD(finish.biases + p * LANES);
    ptrdiff_t some = units - p * LANES;
    float parts[LANES];
    UNROLLED for (int r = 0; r < rows; r++) {
      float *to = output + r * output_step + p * LANES;
      Lanes value = sums[r][p] + biases;
      if (some >= LANES) {
        if (finish.accumulates) value += LOAD(to);
        STORE(to, value < floors ? floors : value);
      } else {
        if (finish.accumulates) {
          memcpy(parts, to, some * sizeof *to);
          value += LOAD(parts);
        }
        STORE(parts, value < floors ? floors : value);
        memcpy(to, parts, some * sizeof *to);
      }
    }
  }
}

INLINED FULL_WIDTH void block_of(Block b, Reach reach, const float *restrict filters, Finish finish,
                                 const int positions, const int together) {
  ptrdiff_t panel_step = reach.outer * reach.inner * reach.run * LANES, panels = parts_of(b.units, LANES);
  for (ptrdiff_t panel = 0; panel < panels; panel += together) {
    const int pair = together == 2 && panel + 1 < panels;
    const float *weights = filters + panel * panel_step;
    ptrdiff_t units = b.units - panel * LANES, row = b.first / b.tiles_of_row, place = b.first % b.tiles_of_row;
    for (ptrdiff_t tile = 0; tile < b.end - b.first; tile++) {
      ptrdiff_t start = b.columns * place / b.tiles_of_row, stop = b.columns * (place + 1) / b.tiles_of_row;
      const float *from = b.input + row * b.input_row + start * b.input_step;
      float *to = b.output + row * b.output_row + start * b.output_step + panel * LANES;
      // While the first tiles are computed, the panels that come next are fetched, unless the cache could not hold them.
      ptrdiff_t fetched = panel + (pair ? 2 : 1) + tile;
      int fetches = tile < together && fetched < panels && panel_step <= BLOCK_FLOATS / 2;
      uintptr_t ahead = (uintptr_t)filters + (fetches ? fetched : panel) * panel_step * sizeof(float);
#define ROWS(n)                                                                                              \
  case n:                                                                                                    \
    if (pair)                                                                                                \
      tile_of(from, b.input_step, reach, weights, panel_step, ahead, to, b.output_step, finish, units, n, 2);\
    else                                                                                                     \
      tile_of(from, b.input_step, reach, weights, panel_step, ahead, to, b.output_step, finish, units, n, 1);\
    break;
      switch (stop - start) {
        ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6)
        default:
          if (positions > 6) switch (stop - start) { ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12) }
      }
#undef ROWS
      if (++place == b.tiles_of_row) place = 0, row++;
    }
    finish.biases += together * LANES;
  }
}

// Twelve positions of two 16-float vectors fill AVX-512's 32 registers; six of two 8-float ones AVX2's 16.
#define BLOCK(name) static void name(Block b, Reach reach, const float *restrict filters, Finish finish)
#if defined(__x86_64__)
__attribute__((target("arch=x86-64-v4"))) BLOCK(block_v4) { block_of(b, reach, filters, finish, 12, 2); }
__attribute__((target("arch=x86-64-v3"))) BLOCK(block_v3) { block_of(b, reach, filters, finish, 6, 1); }
BLOCK(block_v2) { block_of(b, reach, filters, finish, 6, 1); }
BLOCK(block) {
  if (HAS_V4)
    block_v4(b, reach, filters, finish);
  else if (HAS_V3)
    block_v3(b, reach, filters, finish);
  else
    block_v2(b, reach, filters, finish);
}
#else
BLOCK(block) { block_of(b, reach, filters, finish, 6, 1); }
#endif

// Rows of the map from `first` on, as the windows of `rows` rows of outputs see them: with padding.
INLINED void copy_padded(const float *restrict image, float *restrict to, VectorDirect g, ptrdiff_t first,
                         ptrdiff_t rows) {
  ptrdiff_t columns = covered(g.columns, g.columns.places), before = g.columns.before, channels = g.channels;
  ptrdiff_t start = most(before, 0), end = most(start, least(columns, g.columns.length + before));
  ptrdiff_t count = covered(g.rows, rows), top = first * g.rows.stride - g.rows.before;
  for (ptrdiff_t r = 0; r < count; r++, to += columns * channels) {
    if (top + r < 0 || top + r >= g.rows.length) {
      memset(to, 0, columns * channels * sizeof *to);
      continue;
    }
    const float *from = image + (top + r) * g.columns.length * g.input_step;
    memset(to, 0, least(start, columns) * channels * sizeof *to);
    if (g.input_step == channels)
      memcpy(to + start * channels, from + (start - before) * channels, (end - start) * channels * sizeof *to);
    else
      for (ptrdiff_t c = start; c < end; c++)
        memcpy(to + c * channels, from + (c - before) * g.input_step, channels * sizeof *to);
    if (end < columns) memset(to + end * channels, 0, (columns - end) * channels * sizeof *to);
  }
}

void vector_direct(const float *input, const float *filters, const float *bias, float *output, VectorDirect g,
                   VectorShare share, VectorFinish finish, float *scratch) {
  if (share.end_tile <= share.first_tile || share.end_unit <= share.first_unit) return;
  g = flattened(g);
  const int pads = hangs_over(g.rows) || hangs_over(g.columns);
  ptrdiff_t channels = g.channels / g.groups, each = g.units / g.groups, panels = parts_of(each, LANES);
  ptrdiff_t units = g.groups > 1 ? each : share.end_unit - share.first_unit;
  ptrdiff_t elements = g.rows.window * g.columns.window * channels, group_step = panels * elements * LANES;
  float *biases = scratch, *band = scratch + g.groups * panels * LANES;
  memset(biases, 0, g.groups * panels * LANES * sizeof *biases);
  if (bias)
    for (ptrdiff_t group = 0; group < g.groups; group++)
      memcpy(biases + group * panels * LANES, bias + group * each + share.first_unit, units * sizeof *bias);
  filters += share.first_unit / LANES * elements * LANES;
  output += share.first_unit;
  const ptrdiff_t step = pads ? g.channels : g.input_step;
  const ptrdiff_t row = (pads ? covered(g.columns, g.columns.places) : g.columns.length) * step;
  Reach reach = {g.rows.window, g.rows.dilation * row, 1, 0, g.columns.window * channels};
  if (g.columns.window > 1 && (g.columns.dilation > 1 || step != channels))
    reach.inner = g.columns.window, reach.inner_step = g.columns.dilation * step, reach.run = channels;
  const ptrdiff_t across = tiles_of_row(g), all_tiles = g.rows.places * across;
  const ptrdiff_t usual = block_tiles(g), output_row = g.columns.places * g.output_step;
  for (ptrdiff_t first = share.first_tile, end; first < share.end_tile; first = end) {
    ptrdiff_t image = first / all_tiles, start = first - image * all_tiles;
    ptrdiff_t stop = least(least(start + usual, share.end_tile - image * all_tiles), all_tiles);
    end = first + stop - start;
    ptrdiff_t first_row = start / across, end_row = (stop - 1) / across + 1;
    const float *from = input + image * g.rows.length * g.columns.length * g.input_step;
    float *to = output + (image * g.rows.places + first_row) * output_row;
    if (pads)
      copy_padded(from, band, g, first_row, end_row - first_row), from = band;
    else
      from += first_row * g.rows.stride * row;
    ptrdiff_t skipped = first_row * across;
    Block b = {from, g.rows.stride * row, g.columns.stride * step, to, output_row, g.output_step,
               g.columns.places, across, start - skipped, stop - skipped, units};
    for (ptrdiff_t group = 0; group < g.groups; group++) {
      block(b, reach, filters + group * group_step,
            (Finish){biases + group * panels * LANES, finish.accumulates, floor_of(finish)});
      b.input += channels, b.output += each;
    }
    if (!has_function(finish)) continue;
    // The block's positions, counted from its first row's.
    ptrdiff_t last = stop - 1 - skipped, columns = g.columns.places;
    ptrdiff_t left = columns * (start - skipped) / across;
    ptrdiff_t right = last / across * columns + columns * (last % across + 1) / across;
    vector_finishing(finish, to + left * g.output_step, right - left, 0, g.groups * units, g.output_step);
  }
}
