// Sizes changed by a filter as wide as the step, so that shrinking averages over all that a pixel covers.
//
// A row of the result is a weighted sum of whole rows of the picture, then each of its pixels one of that row's: the
// long pass runs over memory in order. Nothing is rounded between the two, but for kernels with negative weights.
#include "CImaging.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// glibc alone: the choice of an instruction set needs its loader's ifunc.
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && !__has_feature(thread_sanitizer)
#define CLONED __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

static double triangle(double distance) { return distance < 1 ? 1 - distance : 0; }

// Keys's with a = -1/2, as Pillow's.
static double cubic(double distance) {
  if (distance < 1) return (1.5 * distance - 2.5) * distance * distance + 1;
  return distance < 2 ? ((-0.5 * distance + 2.5) * distance - 4) * distance + 2 : 0;
}

static double lanczos(double distance) {
  if (distance >= 3) return 0;
  if (distance < 1e-8) return 1;
  double angle = M_PI * distance;
  return 3 * sin(angle) * sin(angle / 3) / (angle * angle);
}

/// For each place of the result, which places of the picture it weighs, and by how much.
typedef struct {
  int *first;
  int *count;
  float *weights;
  int most;
} taps;

static void taps_free(taps *taps) {
  free(taps->first);
  free(taps->count);
  free(taps->weights);
}

static double weight(imaging_kernel kernel, double distance) {
  return kernel == imaging_bilinear ? triangle(distance) : kernel == imaging_bicubic ? cubic(distance) : lanczos(distance);
}

static int taps_make(taps *taps, int from, int to, imaging_kernel kernel, int antialiased) {
  static const double reaches[] = {0.5, 1, 2, 3};
  double step = (double)from / to;
  double scale = antialiased && step > 1 ? step : 1;
  double reach = reaches[kernel] * (kernel == imaging_nearest ? 1 : scale);
  taps->most = (int)ceil(2 * reach) + 2;
  taps->first = malloc(sizeof(int) * (size_t)to);
  taps->count = malloc(sizeof(int) * (size_t)to);
  taps->weights = calloc((size_t)to * (size_t)taps->most, sizeof(float));
  double *raw = malloc(sizeof(double) * (size_t)taps->most);
  if (!taps->first || !taps->count || !taps->weights || !raw) {
    free(raw);
    return -1;
  }
  // Pillow adds steps up for the nearest, and multiplies for filters: ties fall accordingly.
  double reached = 0.5 * step;
  for (int place = 0; place < to; place++) {
    double centre = kernel == imaging_nearest ? reached : (place + 0.5) * step;
    reached += step;
    float *weights = taps->weights + (size_t)place * taps->most;
    if (kernel == imaging_nearest) {
      int nearest = (int)floor(centre);
      taps->first[place] = nearest < from ? nearest : from - 1;
      taps->count[place] = 1;
      weights[0] = 1;
      continue;
    }
    int first = (int)floor(centre - reach), last = (int)ceil(centre + reach);
    if (first < 0) first = 0;
    if (last > from) last = from;
    if (last - first > taps->most) last = first + taps->most;
    double sum = 0;
    for (int index = first; index < last; index++) {
      double distance = fabs(index + 0.5 - centre) / scale;
      raw[index - first] = weight(kernel, distance);
      sum += raw[index - first];
    }
    for (int index = first; index < last; index++) weights[index - first] = (float)(raw[index - first] / sum);
    taps->first[place] = first;
    taps->count[place] = last - first;
  }
  free(raw);
  return 0;
}

/// Whether a place weighs what the place before it does.
static int repeats(const taps *taps, int place) {
  const float *weights = taps->weights + (size_t)place * taps->most;
  return place > 0 && taps->first[place] == taps->first[place - 1] && taps->count[place] == taps->count[place - 1]
         && !memcmp(weights, weights - taps->most, sizeof(float) * (size_t)taps->count[place]);
}

/// Adds a weighted row.
CLONED static void add_row(float *sum, const unsigned char *row, float weight, int count) {
  for (int index = 0; index < count; index++) sum[index] += weight * (float)row[index];
}

/// Weighs the pixels of one row, and rounds.
CLONED static void across(unsigned char *target, const float *row, const taps *taps, int columns) {
  for (int column = 0; column < columns; column++) {
    const float *source = row + (size_t)taps->first[column] * 3;
    const float *weights = taps->weights + (size_t)column * taps->most;
    float red = 0, green = 0, blue = 0;
    for (int tap = 0; tap < taps->count[column]; tap++) {
      red += weights[tap] * source[tap * 3];
      green += weights[tap] * source[tap * 3 + 1];
      blue += weights[tap] * source[tap * 3 + 2];
    }
    float sums[3] = {red, green, blue};
    for (int channel = 0; channel < 3; channel++) {
      float level = sums[channel] + 0.5f;
      target[column * 3 + channel] = level < 0 ? 0 : level >= 255 ? 255 : (unsigned char)level;
    }
  }
}

int imaging_resize(
  const unsigned char *pixels, int rows, int columns, int to_rows, int to_columns, imaging_kernel kernel,
  int antialiased, imaging_result *result, char error[IMAGING_ERROR]) {
  // Pillow's two passes, rows first, with whole levels within 0...255 between them: such kernels leave that range.
  if ((kernel == imaging_bicubic || kernel == imaging_lanczos) && rows != to_rows && columns != to_columns) {
    imaging_result between;
    if (imaging_resize(pixels, rows, columns, rows, to_columns, kernel, antialiased, &between, error)) return -1;
    int failed = imaging_resize(between.bytes, rows, to_columns, to_rows, to_columns, kernel, antialiased, result, error);
    imaging_free(between.bytes);
    return failed;
  }
  taps down = {0}, along = {0};
  size_t width = (size_t)columns * 3;
  float *row = malloc(sizeof(float) * width);
  result->count = (size_t)to_rows * (size_t)to_columns * 3;
  result->bytes = imaging_allocate(result->count);
  int failed =
    !row || !result->bytes || taps_make(&down, rows, to_rows, kernel, antialiased)
    || taps_make(&along, columns, to_columns, kernel, antialiased);
  for (int place = 0; place < to_rows && !failed; place++) {
    unsigned char *target = result->bytes + (size_t)place * to_columns * 3;
    // Rows of a picture of few rows come from the same ones: millions of columns are then weighed once.
    if (repeats(&down, place)) {
      memcpy(target, target - (size_t)to_columns * 3, (size_t)to_columns * 3);
      continue;
    }
    memset(row, 0, sizeof(float) * width);
    for (int tap = 0; tap < down.count[place]; tap++) {
      add_row(
        row, pixels + (size_t)(down.first[place] + tap) * width, down.weights[(size_t)place * down.most + tap],
        (int)width);
    }
    across(target, row, &along, to_columns);
  }
  free(row);
  taps_free(&down);
  taps_free(&along);
  if (failed) {
    imaging_free(result->bytes);
    result->bytes = NULL;
    snprintf(error, IMAGING_ERROR, "there is not enough memory for %d x %d pixels", to_rows, to_columns);
    return -1;
  }
  result->rows = to_rows;
  result->columns = to_columns;
  result->bands = 3;
  return 0;
}
