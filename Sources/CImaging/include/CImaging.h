// libvips with its variadic calls made plain: decode, resize, encode; pixels are 8-bit RGB.
//
// Every function returns 0 for success; else `error` holds one line that says why.
#ifndef CImaging_h
#define CImaging_h

#include <stddef.h>

#define IMAGING_ERROR 256

typedef struct {
  int rows, columns;
  /// 3 for RGB; `rows * columns * bands` bytes, freed by `imaging_free`.
  int bands;
  unsigned char *bytes;
  size_t count;
} imaging_result;

typedef enum { imaging_nearest, imaging_bilinear, imaging_lanczos } imaging_kernel;

void imaging_free(unsigned char *bytes);

/// Bytes that `imaging_free` frees; NULL where there are not so many.
unsigned char *imaging_allocate(size_t count);

/// The extents of a picture once it stands upright, from its header alone.
int imaging_extents(const char *path, int *rows, int *columns, char error[IMAGING_ERROR]);

/// Decodes a file by its content: upright, sRGB, over white.
int imaging_decode(const char *path, double most_pixels, imaging_result *result, char error[IMAGING_ERROR]);

/// Another size, by a filter as wide as the step; all four extents are positive.
int imaging_resize(
  const unsigned char *pixels, int rows, int columns, int to_rows, int to_columns, imaging_kernel kernel,
  imaging_result *result, char error[IMAGING_ERROR]);

/// PNG where quality is 0, else JPEG of that quality; `bytes` and `count` of the result hold the file.
int imaging_encode(
  const unsigned char *pixels, int rows, int columns, int quality, imaging_result *result,
  char error[IMAGING_ERROR]);

#endif
