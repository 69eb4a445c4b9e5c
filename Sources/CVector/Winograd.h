// What the ways to compute by Winograd's filtering share: tiles, points and matrices. Winograd.c says what they are.
#ifndef CVECTOR_WINOGRAD_H
#define CVECTOR_WINOGRAD_H

#include "Clones.h"

enum { MOST_SIDE = 5, MOST_POINTS = 7, MOST_WINDOW = 5 };
// Floats from one point to the next: an odd number of cache lines, so that a tile's points do not all fall into
// one set of the cache.
INLINED ptrdiff_t point_step(ptrdiff_t chunks, ptrdiff_t tiles) { return (chunks * tiles | 1) * LANES; }

INLINED ptrdiff_t points_of_tile(VectorWinograd g) { return g.side + g.window - 1; }

// The points beside 0 and infinity: each with its negative, but for the third of seven, which stands alone.
typedef struct Points {
  double at[3];
} Points;

INLINED Points points_of(ptrdiff_t points) {
  const Points known[3] = {{1}, {11.0 / 16, 3.0 / 2}, {1.0 / 2, 9.0 / 8, 5.0 / 2}};
  return known[points == 4 ? 0 : points - 5];
}

// The matrix G: at each point the powers of a window's taps, over the differences to the other points.
INLINED void filter_matrix(double matrix[MOST_POINTS][MOST_WINDOW], ptrdiff_t count, ptrdiff_t window) {
  const Points points = points_of(count);
  double at[MOST_POINTS] = {0};
  for (ptrdiff_t i = 1; i < count - 1; i++) at[i] = i % 2 ? points.at[i / 2] : -points.at[i / 2 - 1];
  for (ptrdiff_t i = 0; i < count - 1; i++) {
    double value = 1;
    for (ptrdiff_t j = 0; j < count - 1; j++)
      if (j != i) value /= at[i] - at[j];
    for (ptrdiff_t k = 0; k < window; k++, value *= at[i]) matrix[i][k] = value;
  }
  for (ptrdiff_t k = 0; k < window; k++) matrix[count - 1][k] = k == window - 1;
}

INLINED float power(double base, int exponent) {
  double value = 1;
  UNROLLED for (int i = 0; i < exponent; i++) value *= base;
  return (float)value;
}

// One tile of the list.
typedef struct Tile {
  ptrdiff_t image, row, column;
} Tile;

INLINED Tile tile_at(VectorWinograd g, ptrdiff_t index) {
  ptrdiff_t down = (g.output_rows + g.side - 1) / g.side;
  ptrdiff_t across = (g.output_columns + g.side - 1) / g.side;
  Tile tile = {index / (down * across), index / across % down * g.side, index % across * g.side};
  return tile;
}

INLINED Tile tile_after(VectorWinograd g, Tile tile) {
  tile.column += g.side;
  if (tile.column < g.output_columns) return tile;
  tile.column = 0;
  tile.row += g.side;
  if (tile.row < g.output_rows) return tile;
  tile.row = 0;
  tile.image++;
  return tile;
}

INLINED ptrdiff_t output_offset(VectorWinograd g, Tile tile) {
  return ((tile.image * g.output_rows + tile.row) * g.output_columns + tile.column) * g.output_step;
}

// Winograd.c: transforms some tiles' inputs: point, chunk of 16 channels, tile, 16 channels. `zeros` are as many as a
// position's channels, rounded up.
void vector_winograd_inputs(const float *input, float *to, const float *zeros, VectorWinograd geometry,
                            ptrdiff_t first, ptrdiff_t tiles);

#endif
