// Windows bitmaps without compression. libvips leaves them to a library that is not to be trusted with any bytes.
#include "Bitmap.h"

#include <stdint.h>
#include <stdlib.h>

static uint32_t little(const unsigned char *bytes, int count) {
  uint32_t value = 0;
  for (int index = count - 1; index >= 0; index--) value = value << 8 | bytes[index];
  return value;
}

/// A channel of a pixel by its mask, 0 to 255.
static unsigned char masked(uint32_t pixel, uint32_t mask) {
  if (mask == 0) return 0;
  while (!(mask & 1)) {
    mask >>= 1;
    pixel >>= 1;
  }
  return (unsigned char)(((uint64_t)(pixel & mask) * 510 + mask) / (2 * (uint64_t)mask));
}

unsigned char *bitmap_read(const unsigned char *file, size_t length, int *rows, int *columns, const char **reason) {
  *reason = "it is cut short or damaged";
  if (length < 26) return NULL;
  uint32_t start = little(file + 10, 4), header = little(file + 14, 4);
  int is_core = header == 12;
  if (!is_core && (header < 40 || header > 1024 || length < 14 + (size_t)header)) return NULL;
  int64_t width = is_core ? (int32_t)little(file + 18, 2) : (int32_t)little(file + 18, 4);
  int64_t height = is_core ? (int32_t)little(file + 20, 2) : (int32_t)little(file + 22, 4);
  uint32_t depth = little(file + (is_core ? 24 : 28), 2), compression = is_core ? 0 : little(file + 30, 4);
  int is_upright = height < 0;
  if (is_upright) height = -height;
  if (width <= 0 || height <= 0 || width > 1 << 20 || height > 1 << 20) return NULL;
  uint32_t masks[4] = {0xFF0000, 0xFF00, 0xFF, 0};
  if (compression == 3 && (depth == 16 || depth == 32)) {
    if (length < 14 + 40 + 12) return NULL;
    for (int index = 0; index < (header >= 56 ? 4 : 3); index++) masks[index] = little(file + 54 + 4 * index, 4);
  } else if (compression != 0 || (depth != 1 && depth != 4 && depth != 8 && depth != 16 && depth != 24 && depth != 32)) {
    *reason = "it is a BMP picture that is compressed or of an unusual depth, which is not read";
    return NULL;
  } else if (depth == 16) {
    masks[0] = 0x7C00;
    masks[1] = 0x3E0;
    masks[2] = 0x1F;
  }
  size_t stride = ((size_t)width * depth + 31) / 32 * 4;
  if (start > length || (length - start) / stride < (size_t)height) return NULL;
  const unsigned char *palette = file + 14 + header;
  size_t entry = is_core ? 3 : 4, colours = 14 + (size_t)header > start ? 0 : (start - 14 - header) / entry;
  unsigned char *pixels = malloc((size_t)width * (size_t)height * 3);
  if (!pixels) return NULL;
  for (int64_t row = 0; row < height; row++) {
    const unsigned char *line = file + start + stride * (size_t)(is_upright ? row : height - 1 - row);
    for (int64_t column = 0; column < width; column++) {
      unsigned char *pixel = pixels + (size_t)(row * width + column) * 3;
      if (depth <= 8) {
        size_t bit = (size_t)column * depth;
        size_t index = line[bit / 8] >> (8 - depth - bit % 8) & ((1u << depth) - 1);
        for (int channel = 0; channel < 3; channel++) {
          pixel[channel] = index < colours ? palette[index * entry + 2 - (size_t)channel] : 0;
        }
        continue;
      }
      uint32_t value = little(line + (size_t)column * depth / 8, (int)depth / 8);
      uint32_t cover = masks[3] ? masked(value, masks[3]) : 255;
      for (int channel = 0; channel < 3; channel++) {
        pixel[channel] = (unsigned char)((masked(value, masks[channel]) * cover + 255 * (255 - cover) + 127) / 255);
      }
    }
  }
  *rows = (int)height;
  *columns = (int)width;
  return pixels;
}
