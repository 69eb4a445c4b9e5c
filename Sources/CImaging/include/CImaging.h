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

typedef enum { imaging_nearest, imaging_bilinear, imaging_bicubic, imaging_lanczos } imaging_kernel;

void imaging_free(unsigned char *bytes);

/// Bytes that `imaging_free` frees; NULL where there are not so many.
unsigned char *imaging_allocate(size_t count);

/// The extents of a picture once it stands upright, from its header alone.
int imaging_extents(const char *path, int *rows, int *columns, char error[IMAGING_ERROR]);

/// Decodes a file by its content: upright, sRGB, over white.
int imaging_decode(const char *path, double most_pixels, imaging_result *result, char error[IMAGING_ERROR]);

/// The same of a file's bytes, which never reach a disk.
int imaging_decode_bytes(
  const unsigned char *bytes, size_t count, double most_pixels, imaging_result *result, char error[IMAGING_ERROR]);

/// Another size, by a filter as wide as the step, or, not `antialiased`, as wide as when enlarging; all four extents are positive.
int imaging_resize(
  const unsigned char *pixels, int rows, int columns, int to_rows, int to_columns, imaging_kernel kernel,
  int antialiased, imaging_result *result, char error[IMAGING_ERROR]);

typedef enum { imaging_png, imaging_jpeg, imaging_jpeg_sharp, imaging_webp, imaging_webp_lossless } imaging_format;

/// A file of 3 bytes a pixel, or of 4, the last of which says how opaque it is; `quality` is 1 to 100 where pixels may change.
/// `bytes` and `count` of the result hold the file.
int imaging_encode(
  const unsigned char *pixels, int rows, int columns, int bands, imaging_format format, int quality,
  imaging_result *result, char error[IMAGING_ERROR]);

#endif
